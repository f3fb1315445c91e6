use std::cmp::Ordering;

/// A software version as an order needs it: the runs of digits in the text, the shorter list
/// padded with zeros. `V100R019C10SPC400` and `13.5-14` compare with their like; letters are
/// ignored, so `13.5.14` equals `13.5-14` and `2.0` equals `2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Version {
    /// Runs of digits without leading zeros; trailing zero runs removed. Kept as text because a
    /// build number may be longer than a machine integer.
    runs: Vec<Box<str>>,
}

impl Version {
    pub fn parse(text: &str) -> Version {
        let mut runs: Vec<Box<str>> = text
            .split(|c: char| !c.is_ascii_digit())
            .filter(|run| !run.is_empty())
            .map(|run| Box::from(run.trim_start_matches('0')))
            .collect();
        while runs.last().is_some_and(|run| run.is_empty()) {
            runs.pop();
        }
        Version { runs }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        for at in 0..self.runs.len().max(other.runs.len()) {
            let a = self.runs.get(at).map_or("", |r| r);
            let b = other.runs.get(at).map_or("", |r| r);
            let order = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn digit_runs_order() {
        let v = Version::parse;
        assert!(v("V100R019C10SPC400") < v("V100R021C10SPC300"));
        assert!(v("9.10") > v("9.9"));
        assert_eq!(v("13.5-14"), v("13.5.14"));
        assert_eq!(v("2.0.0"), v("2"));
        assert!(v("") < v("0.0.1"));
        assert_eq!(v("007"), v("7"));
        assert!(v("18446744073709551616") > v("18446744073709551615"));
    }
}
