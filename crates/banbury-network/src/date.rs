use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A calendar day, as days since 1970-01-01 in the proleptic Gregorian calendar.
///
/// [`Date::NONE`] stands for "not recorded" inside inventory rows; it sorts before every real day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a date: write it as YYYY-MM-DD, for example 2027-12-31")]
pub struct DateError(pub String);

impl Date {
    pub const NONE: Date = Date(i32::MIN);

    pub fn is_none(self) -> bool {
        self == Date::NONE
    }

    pub fn known(self) -> Option<Date> {
        (!self.is_none()).then_some(self)
    }

    /// The day of a civil date (after Howard Hinnant's `days_from_civil`), if there is such a day.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Date> {
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month)
        {
            return None;
        }
        let y = if month <= 2 { year - 1 } else { year };
        let era = y.div_euclid(400);
        let year_of_era = y.rem_euclid(400);
        let shifted = (month as i32 + 9) % 12;
        let day_of_year = (153 * shifted + 2) / 5 + day as i32 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(Date(era * 146_097 + day_of_era - 719_468))
    }

    pub fn ymd(self) -> (i32, u32, u32) {
        let z = self.0 + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
        let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
        (yoe + era * 400 + i32::from(month <= 2), month, day)
    }

    pub fn plus_days(self, days: i32) -> Date {
        Date(self.0.saturating_add(days))
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i32 {
        self.0
    }

    /// The first day `quarters` calendar quarters after the quarter that holds this day.
    pub fn quarter_start(self, quarters: u32) -> Date {
        let (year, month, _) = self.ymd();
        let index = year * 4 + (month as i32 - 1) / 3 + quarters as i32;
        Date::from_ymd(index.div_euclid(4), (index.rem_euclid(4) * 3 + 1) as u32, 1).unwrap_or(self)
    }
}

fn days_in(year: i32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = DateError;

    /// Reads `YYYY-MM-DD`; a time of day after a `T` or a blank is allowed and dropped.
    fn from_str(text: &str) -> Result<Date, DateError> {
        let error = || DateError(text.chars().take(40).collect());
        let bytes = text.as_bytes();
        if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return Err(error());
        }
        if bytes.len() > 10 && !(bytes[10] == b'T' || bytes[10] == b' ') {
            return Err(error());
        }
        let number = |range: std::ops::Range<usize>| {
            bytes[range]
                .iter()
                .try_fold(0u32, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0')))
        };
        let (Some(y), Some(m), Some(d)) = (number(0..4), number(5..7), number(8..10)) else {
            return Err(error());
        };
        Date::from_ymd(y as i32, m, d).ok_or_else(error)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("");
        }
        let (y, m, d) = self.ymd();
        write!(f, "{y:04}-{m:02}-{d:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Default for Date {
    fn default() -> Self {
        Date::NONE
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Dates in data files may be TOML dates or strings.
impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Toml(toml::value::Datetime),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::Toml(date) => date.to_string(),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn every_day_of_eight_centuries_round_trips() {
        let start = Date::from_ymd(1600, 1, 1).unwrap();
        for offset in 0..300_000 {
            let day = start.plus_days(offset);
            let (y, m, d) = day.ymd();
            assert_eq!(Date::from_ymd(y, m, d), Some(day));
            assert_eq!(day.to_string().parse(), Ok(day));
        }
    }

    #[test]
    fn epoch_and_leap_days() {
        assert_eq!("1970-01-01".parse::<Date>().unwrap().days(), 0);
        assert_eq!("2000-03-01".parse::<Date>().unwrap().days(), 11_017);
        assert!("2023-02-29".parse::<Date>().is_err());
        assert!("2024-02-29".parse::<Date>().is_ok());
        for bad in ["", "2024", "2024-13-01", "31/12/2024", "2024-1-1", "2024-01-01x", "２０２４-01-01"] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }

    #[test]
    fn quarters() {
        let day: Date = "2026-11-22".parse().unwrap();
        assert_eq!(day.quarter_start(0).to_string(), "2026-10-01");
        assert_eq!(day.quarter_start(1).to_string(), "2027-01-01");
        assert_eq!(day.quarter_start(9).to_string(), "2029-01-01");
    }
}
