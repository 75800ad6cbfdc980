//! A list of computers as a table: `name,group,test,staging,comment`, errors by line.
//!
//! The first line names the columns, in any order; only `name` must be there. Fields are separated by comma, semicolon
//! or tab, whichever the first line uses, and may be quoted (RFC 4180). Several groups are separated by `|`.

use std::collections::HashSet;

use super::checked_name;

/// Longest table that is taken, in bytes.
pub const TABLE_MAX_BYTES: usize = 64 * 1024 * 1024;

const UNCLOSED: &str = "a quotation mark that opens here is closed nowhere; what follows was not read";

/// A computer as a line tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportedComputer {
    /// The line it begins in, from 1.
    pub line: u64,
    /// Its name.
    pub name: String,
    /// Groups it is in.
    pub groups: Vec<String>,
    /// Whether it is a test computer; absent where the table does not say.
    pub test: Option<bool>,
    /// Name or address of its home staging library; absent where the table does not say, empty for none.
    pub staging: Option<String>,
    /// Free text; absent where the table does not say.
    pub comment: Option<String>,
}

/// A line that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ImportError {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// What a table says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// Lines that can be taken.
    pub computers: Vec<ImportedComputer>,
    /// Lines that cannot.
    pub errors: Vec<ImportError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Group,
    Test,
    Staging,
    Comment,
}

/// Reads a table.
pub fn import(text: &str) -> Import {
    let mut import = Import::default();
    let mut fail = |line, why: String| import.errors.push(ImportError { line, why });
    if text.len() > TABLE_MAX_BYTES {
        fail(0, format!("the table has more than {} MiB", TABLE_MAX_BYTES >> 20));
        return import;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    let count = |c: char| first.matches(c).count();
    let separator = [',', ';', '\t'].into_iter().max_by_key(|c| (count(*c), *c == ',')).unwrap_or(',');
    let (records, unclosed) = records(text, separator);
    let mut records = records.into_iter();
    let Some((_, head)) = records.next() else {
        if let Some(line) = unclosed {
            fail(line, UNCLOSED.to_owned());
            return import;
        }
        fail(
            1,
            "the table is empty; its first line names the columns: name,group,test,staging,comment".into(),
        );
        return import;
    };
    let mut columns = Vec::new();
    for name in &head {
        let column = match name.trim().to_lowercase().as_str() {
            "name" | "computer" => Some(Column::Name),
            "group" | "groups" => Some(Column::Group),
            "test" => Some(Column::Test),
            "staging" | "staging library" => Some(Column::Staging),
            "comment" => Some(Column::Comment),
            other => {
                fail(
                    1,
                    format!("the column {other:?} is not known: name, group, test, staging, comment are"),
                );
                None
            }
        };
        if column.is_some() && columns.contains(&column) {
            fail(1, format!("the column {name:?} is there twice"));
        }
        columns.push(column);
    }
    if !columns.contains(&Some(Column::Name)) {
        fail(1, "there is no column \"name\" in the first line".into());
    }
    if !import.errors.is_empty() {
        return import;
    }
    let mut names = HashSet::new();
    for (line, fields) in records {
        if fields.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        match computer(line, &fields, &columns) {
            Ok(computer) if names.insert(computer.name.to_lowercase()) => import.computers.push(computer),
            Ok(computer) => {
                import.errors.push(ImportError { line, why: format!("{:?} is there twice", computer.name) });
            }
            Err(why) => import.errors.push(ImportError { line, why }),
        }
    }
    if let Some(line) = unclosed {
        import.errors.push(ImportError { line, why: UNCLOSED.to_owned() });
    }
    import
}

fn computer(line: u64, fields: &[String], columns: &[Option<Column>]) -> Result<ImportedComputer, String> {
    if fields.len() > columns.len() {
        return Err(format!("it has {} fields, the first line {}", fields.len(), columns.len()));
    }
    let mut computer = ImportedComputer { line, ..ImportedComputer::default() };
    for (field, column) in fields.iter().zip(columns) {
        let field = field.trim();
        match column {
            Some(Column::Name) => {
                computer.name = checked_name(field).map_err(|problem| problem.to_string())?
            }
            Some(Column::Group) => {
                for group in field.split('|').filter(|group| !group.trim().is_empty()) {
                    let group = checked_name(group).map_err(|problem| format!("group: {problem}"))?;
                    computer.groups.push(group);
                }
            }
            Some(Column::Test) => {
                computer.test = match field.to_lowercase().as_str() {
                    "" => None,
                    "yes" | "true" | "1" | "x" => Some(true),
                    "no" | "false" | "0" => Some(false),
                    _ => return Err(format!("test: {field:?} is neither yes nor no")),
                }
            }
            Some(Column::Staging) => computer.staging = Some(field.to_owned()),
            Some(Column::Comment) if field.chars().any(char::is_control) => {
                return Err("the comment has control characters".to_owned());
            }
            Some(Column::Comment) => computer.comment = Some(field.to_owned()),
            None => {}
        }
    }
    if computer.name.is_empty() { Err("there is no name".to_owned()) } else { Ok(computer) }
}

/// The records of a table with the line each begins in, and the line of a quotation mark that is closed nowhere: the record
/// it stands in is not among them.
fn records(text: &str, separator: char) -> (Vec<(u64, Vec<String>)>, Option<u64>) {
    let mut records = Vec::new();
    let (mut fields, mut field) = (Vec::new(), String::new());
    let (mut line, mut begun, mut opened, mut quoted, mut any) = (1, 1, 1, false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        any = true;
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
                opened = line;
            }
            '\n' => {
                line += 1;
                if quoted {
                    field.push(c);
                } else {
                    fields.push(std::mem::take(&mut field));
                    records.push((begun, std::mem::take(&mut fields)));
                    begun = line;
                    any = false;
                }
            }
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            c if c == separator && !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    if quoted {
        return (records, Some(opened));
    }
    if any {
        fields.push(field);
        records.push((begun, fields));
    }
    (records, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_table_is_read_with_its_errors_by_line() {
        let text = "\u{feff}name;Group;test;comment\r\nPC-1;Köln|Test ring;yes;\"first; of \"\"two\"\"\"\r\n\r\n;x;;\nPC-2;;maybe;\npc-1;;;\nPC-3\nPC-4;;;;more\n";
        let import = import(text);
        let names: Vec<&str> = import.computers.iter().map(|computer| computer.name.as_str()).collect();
        assert_eq!(names, ["PC-1", "PC-3"]);
        assert_eq!(import.computers[0].groups, ["Köln", "Test ring"]);
        assert_eq!(import.computers[0].test, Some(true));
        assert_eq!(import.computers[0].comment.as_deref(), Some("first; of \"two\""));
        assert_eq!((import.computers[1].line, import.computers[1].test), (7, None));
        let lines: Vec<u64> = import.errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [4, 5, 6, 8]);
    }

    #[test]
    fn a_quotation_mark_that_is_closed_nowhere_is_an_error_where_it_opens() {
        let import = import("name,comment\nPC-1,first\nPC-2,\"second\nPC-3,third\n");
        let names: Vec<&str> = import.computers.iter().map(|computer| computer.name.as_str()).collect();
        assert_eq!(names, ["PC-1"]);
        let [error] = &import.errors[..] else { panic!("{:?}", import.errors) };
        assert_eq!(error.line, 3);
        assert!(error.why.contains("closed nowhere"), "{}", error.why);
    }

    #[test]
    fn a_table_without_names_is_refused_whole() {
        for text in ["", "group,test\nx,yes\n", "name,colour\nPC-1,red\n", "name,name\na,b\n"] {
            let import = import(text);
            assert!(import.computers.is_empty() && !import.errors.is_empty(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_strangers_write_is_read_without_end(text in "[a-z,;\"\n\r\t ]{0,200}", head in any::<bool>()) {
            let text = if head { format!("name,group\n{text}") } else { text };
            let import = import(&text);
            prop_assert!(import.computers.iter().all(|computer| !computer.name.is_empty()));
        }
    }
}
