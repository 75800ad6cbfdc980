//! Numbers as people read them: sizes, rates, durations, dates.
//!
//! Pure text from values; the time zone is an argument, so a test does not depend on where it runs.

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use crate::package::numbers::{counted, thousands};

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `212 MiB`, `1.2 GiB`, `900 bytes`: one decimal below ten, none from ten on.
pub fn size(bytes: u64) -> String {
    if bytes == 1 {
        return "1 byte".to_owned();
    }
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let (number, unit) = scaled(bytes);
    format!("{number} {unit}")
}

/// The exact size for the hover text: `742,118,400 bytes`.
pub fn exact_size(bytes: u64) -> String {
    counted(bytes, "byte")
}

fn scaled(bytes: u64) -> (String, &'static str) {
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.6 KiB would be written as 1024 KiB: it is 1.0 MiB.
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let number = if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
    (number, UNITS[unit])
}

/// `12.4 MiB/s (104 Mbit/s)`: lines are sold in bits.
pub fn rate(bytes_per_second: u64) -> String {
    let bits = bytes_per_second.saturating_mul(8);
    let (value, unit) = match bits {
        0..1_000_000 => (bits as f64 / 1e3, "kbit/s"),
        1_000_000..1_000_000_000 => (bits as f64 / 1e6, "Mbit/s"),
        _ => (bits as f64 / 1e9, "Gbit/s"),
    };
    let number = if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
    format!("{} ({number} {unit})", short_rate(bytes_per_second))
}

/// `118 MiB/s`, where there is no room for bits.
pub fn short_rate(bytes_per_second: u64) -> String {
    format!("{}/s", size(bytes_per_second))
}

/// `21 ms`, `8 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let two = |a: u64, unit_a: &str, b: u64, unit_b: &str| {
        if b == 0 { format!("{a} {unit_a}") } else { format!("{a} {unit_a} {b} {unit_b}") }
    };
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// `2026-11-02 14:10` in `zone`.
pub fn date_time(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `2026-11-02` in `zone`.
pub fn date(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string()
}

/// `10:42` if `time` is on the day of `now`, otherwise date and time.
pub fn time_or_date(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    if date(time, zone) == date(now, zone) {
        time.to_zoned(zone.clone()).strftime("%H:%M").to_string()
    } else {
        date_time(time, zone)
    }
}

/// For the hover text: `2026-11-02 13:10:07 UTC`.
pub fn utc(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (10 * 1024, "10 KiB"),
            (1_048_575, "1.0 MiB"),
            (212 << 20, "212 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (u64::MAX, "16 EiB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
        assert_eq!(exact_size(742_118_400), "742,118,400 bytes");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000), "1,000");
    }

    #[test]
    fn rates() {
        assert_eq!(rate(13_002_342), "12 MiB/s (104 Mbit/s)");
        assert_eq!(rate(0), "0 bytes/s (0.0 kbit/s)");
        assert_eq!(rate(238_026_752), "227 MiB/s (1.9 Gbit/s)");
    }

    #[test]
    fn durations() {
        let cases = [
            (21, "21 ms"),
            (8_000, "8 s"),
            (120_000, "2 min"),
            (125_900, "2 min 5 s"),
            (12_000_000, "3 h 20 min"),
            (187_200_000, "2 d 4 h"),
        ];
        for (milliseconds, expected) in cases {
            assert_eq!(duration(milliseconds), expected);
        }
    }

    #[test]
    fn dates_are_local_and_iso() -> Result<(), jiff::Error> {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let time: Timestamp = "2026-11-02T23:10:07Z".parse()?;
        assert_eq!(date_time(time, &zone), "2026-11-03 00:10");
        assert_eq!(date(time, &zone), "2026-11-03");
        assert_eq!(utc(time), "2026-11-02 23:10:07 UTC");
        let later: Timestamp = "2026-11-03T10:00:00Z".parse()?;
        assert_eq!(time_or_date(time, later, &zone), "00:10");
        assert_eq!(time_or_date(time, "2026-11-04T10:00:00Z".parse()?, &zone), "2026-11-03 00:10");
        Ok(())
    }
}
