//! Names of computers and of groups of them.

/// Longest name of a computer or a group, in characters.
pub const NAME_MAX_CHARS: usize = 200;

/// Why a name of a computer or a group is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// Nothing.
    #[error("the name is empty")]
    Empty,
    /// Too long.
    #[error("the name has more than {NAME_MAX_CHARS} characters")]
    TooLong,
    /// A character that would break lists, or tables of names.
    #[error("the name has a control character, a comma or a semicolon")]
    Character,
}

/// The name as it is kept: without white space at its ends.
pub fn checked_name(name: &str) -> Result<String, NameProblem> {
    let name = name.trim();
    if name.is_empty() {
        return Err(NameProblem::Empty);
    }
    if name.chars().count() > NAME_MAX_CHARS {
        return Err(NameProblem::TooLong);
    }
    let unfit = |c: char| c.is_control() || matches!(c, ',' | ';' | '\u{2028}' | '\u{2029}');
    if name.chars().any(unfit) {
        return Err(NameProblem::Character);
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_without_white_space_around_them() {
        assert_eq!(checked_name("  PC-114 \t"), Ok("PC-114".to_owned()));
        assert_eq!(checked_name(" \u{a0} "), Err(NameProblem::Empty));
        assert_eq!(checked_name(&"x".repeat(201)), Err(NameProblem::TooLong));
        for bad in ["a\nb", "a,b", "a;b", "a\u{2028}b"] {
            assert_eq!(checked_name(bad), Err(NameProblem::Character));
        }
    }
}
