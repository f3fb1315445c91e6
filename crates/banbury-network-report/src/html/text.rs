//! Text for pages and pictures.

pub(super) use banbury_base::text::{escape_markup as escape, thousands as number};

/// A count with its noun: "1 site", "2 sites".
pub(super) fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}
