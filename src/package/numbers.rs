//! Numbers in texts, alone and with what they count. Must not know what is counted.

/// `742118400` as `742,118,400`.
pub fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things whose plural ends in `s`: `1 file`, `2345 files`.
pub fn many(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", ending(number))
}

/// The same as it stands on a screen: `1 file`, `2,345 files`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(number), ending(number))
}

fn ending(number: u64) -> &'static str {
    if number == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::{counted, many};

    #[test]
    fn only_one_thing_is_singular() {
        let numbers = [0, 1, 2, 2345];
        assert_eq!(numbers.map(|n| many(n, "file")), ["0 files", "1 file", "2 files", "2345 files"]);
        assert_eq!(numbers.map(|n| counted(n, "file")), ["0 files", "1 file", "2 files", "2,345 files"]);
    }
}
