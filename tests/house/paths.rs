//! Reads Rust text far enough to say which paths it names, and where.
//!
//! Owns: splitting text into words and signs (comments, strings and characters left out) and putting `a::b::c` and
//! `a::{b, c::d}` together again. Knows nothing of rooms or rules, and opens no file.

/// A word or sign of Rust, and the line it stands on (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// One path as it is named: `crate::{store::Catalogue, work}` names two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// The parts, `crate`, `super` and `*` among them; a leading `::` is dropped.
    pub(crate) parts: Vec<String>,
    pub(crate) line: usize,
    /// The modules opened with `mod name { … }` in this file around the path.
    pub(crate) inline_modules: Vec<String>,
}

/// Splits `text` into words and signs. `::` is one sign; comments, strings, characters and lifetimes are left out.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut reader = Reader { rest: text, line: 1 };
    let mut found = Vec::new();
    while let Some(next) = reader.rest.chars().next() {
        let line = reader.line;
        if reader.rest.starts_with("//") {
            reader.skip(reader.rest.find('\n').unwrap_or(reader.rest.len()));
        } else if reader.rest.starts_with("/*") {
            reader.skip_block_comment();
        } else if let Some(quote) = raw_string_start(reader.rest) {
            reader.skip_raw_string(quote);
        } else if let Some(before) = string_start(reader.rest) {
            reader.skip(before);
            reader.skip_quoted('"');
        } else if reader.rest.starts_with("b'") {
            reader.skip(1);
            reader.skip_quoted('\'');
        } else if next == '\'' {
            reader.skip_character_or_lifetime();
        } else if is_word(next) {
            // `r#type` is the word `type`.
            if reader.rest.starts_with("r#") {
                reader.skip(2);
            }
            let length = reader.rest.find(|c| !is_word(c)).unwrap_or(reader.rest.len());
            found.push(Token { text: reader.rest[..length].to_owned(), line });
            reader.skip(length.max(1));
        } else if reader.rest.starts_with("::") {
            found.push(Token { text: "::".to_owned(), line });
            reader.skip(2);
        } else {
            if !next.is_whitespace() {
                found.push(Token { text: next.to_string(), line });
            }
            reader.skip(next.len_utf8());
        }
    }
    found
}

/// Every path that `tokens` name, groups taken apart. A single word is a path of one part.
pub(crate) fn named_paths(tokens: &[Token]) -> Vec<NamedPath> {
    let mut found = Vec::new();
    let mut modules: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "mod" if text_at(tokens, at + 2) == "{" => {
                depth += 1;
                modules.push((text_at(tokens, at + 1).to_owned(), depth));
                at += 3;
            }
            "{" => {
                depth += 1;
                at += 1;
            }
            "}" => {
                modules.retain(|(_, opened)| *opened != depth);
                depth = depth.saturating_sub(1);
                at += 1;
            }
            text if text.starts_with(is_word) => {
                let mut parts = Vec::new();
                let first = found.len();
                at = read_path(tokens, at, &mut parts, &mut found);
                for path in &mut found[first..] {
                    path.inline_modules = modules.iter().map(|(name, _)| name.clone()).collect();
                }
            }
            _ => at += 1,
        }
    }
    found
}

/// Reads one path from `at` on, `prefix` before it; returns where reading goes on.
fn read_path(tokens: &[Token], mut at: usize, prefix: &mut Vec<String>, found: &mut Vec<NamedPath>) -> usize {
    let kept = prefix.len();
    let line = tokens.get(at).map_or(0, |token| token.line);
    loop {
        let text = text_at(tokens, at);
        if text == "{" {
            at += 1;
            while !matches!(text_at(tokens, at), "}" | "") {
                let before = at;
                at = read_path(tokens, at, prefix, found);
                // `as name`, commas, and whatever does not belong in a use: step over it.
                while !matches!(text_at(tokens, at), "," | "}" | "") {
                    at += 1;
                }
                if text_at(tokens, at) == "," || at == before {
                    at += 1;
                }
            }
            prefix.truncate(kept);
            return at + 1;
        }
        if text == "*" || text.starts_with(is_word) {
            prefix.push(text.to_owned());
            at += 1;
            let continues = text_at(tokens, at) == "::"
                && matches!(text_at(tokens, at + 1).chars().next(), Some(c) if is_word(c) || c == '{' || c == '*');
            if continues {
                at += 1;
                continue;
            }
        }
        if prefix.len() > kept {
            found.push(NamedPath { parts: prefix.clone(), line, inline_modules: Vec::new() });
        }
        prefix.truncate(kept);
        return at;
    }
}

/// The text of the token at `at`, empty past the end.
pub(crate) fn text_at(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| &token.text)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How many bytes lie before the quote, where a plain, byte or C string starts here.
fn string_start(rest: &str) -> Option<usize> {
    ["\"", "b\"", "c\""].iter().find(|start| rest.starts_with(**start)).map(|start| start.len() - 1)
}

/// How many bytes the opening of a raw string has (`r"`, `br##"`), and how many `#` close it.
fn raw_string_start(rest: &str) -> Option<(usize, usize)> {
    let letters = ["br", "cr", "r"].into_iter().find(|letters| rest.starts_with(letters))?.len();
    let hashes = rest[letters..].bytes().take_while(|b| *b == b'#').count();
    rest[letters + hashes..].starts_with('"').then_some((letters + hashes + 1, hashes))
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    fn skip(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }

    fn skip_block_comment(&mut self) {
        let mut open = 0;
        loop {
            if self.rest.starts_with("/*") {
                open += 1;
                self.skip(2);
            } else if self.rest.starts_with("*/") {
                open -= 1;
                self.skip(2);
            } else if let Some(c) = self.rest.chars().next() {
                self.skip(c.len_utf8());
            }
            if open == 0 || self.rest.is_empty() {
                return;
            }
        }
    }

    fn skip_raw_string(&mut self, (opening, hashes): (usize, usize)) {
        self.skip(opening);
        let closing = format!("\"{}", "#".repeat(hashes));
        let end = self.rest.find(&closing).map_or(self.rest.len(), |at| at + closing.len());
        self.skip(end);
    }

    /// Skips from an opening quote past the closing one.
    fn skip_quoted(&mut self, quote: char) {
        let mut end = self.rest.len();
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            if !escaped && c == quote {
                end = at + 1;
                break;
            }
            escaped = c == '\\' && !escaped;
        }
        self.skip(end);
    }

    /// `'a'` and `'\n'` are characters, `'a` is a lifetime.
    fn skip_character_or_lifetime(&mut self) {
        let mut after = self.rest.chars().skip(1);
        let (first, second) = (after.next(), after.next());
        if first == Some('\\') || second == Some('\'') {
            self.skip_quoted('\'');
        } else {
            let length = self.rest[1..].find(|c| !is_word(c)).unwrap_or(self.rest.len() - 1);
            self.skip(1 + length);
        }
    }
}
