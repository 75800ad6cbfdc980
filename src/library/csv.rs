//! Fields of tables that other programs read: CSV after RFC 4180.

use std::borrow::Cow;

/// Quotes a field where RFC 4180 asks for it. A leading `=`, `+`, `-` or `@` is kept from being taken for a formula.
pub(super) fn field(field: &str) -> Cow<'_, str> {
    let formula = field.starts_with(['=', '+', '-', '@']);
    if !formula && !field.contains([',', '"', '\r', '\n']) {
        return Cow::Borrowed(field);
    }
    let guard = if formula { "'" } else { "" };
    Cow::Owned(format!("\"{guard}{}\"", field.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_table_is_quoted() {
        for (plain, quoted) in [
            ("a b", "a b"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
        ] {
            assert_eq!(field(plain), quoted);
        }
    }
}
