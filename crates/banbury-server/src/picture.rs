//! Pictures as SVG, made of classes that the style sheet colours. Each has a table twin on its page.

use std::fmt::Write as _;

use banbury_base::text::escape_markup;

/// A bar: its name, and parts from the bottom up as class, words and height.
pub struct Bar {
    pub name: String,
    pub parts: Vec<(&'static str, &'static str, i64)>,
}

/// Bars drawn at most: the last.
const MOST: usize = 24;

/// Stacked bars, one a release, from left to right. Their figures stand beside as a table.
pub fn trend(title: &str, bars: &[Bar]) -> String {
    let bars = &bars[bars.len().saturating_sub(MOST)..];
    let sum = |bar: &Bar| bar.parts.iter().map(|part| part.2).sum::<i64>();
    let most = bars.iter().map(sum).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    const STEP: f64 = 64.0;
    const HEIGHT: f64 = 120.0;
    let width = 44.0 + STEP * bars.len() as f64;
    let mut out = format!(
        "<svg class=\"trend\" viewBox=\"0 0 {width:.0} 164\" width=\"{width:.0}\" height=\"164\" role=\"img\" aria-label=\"{}\">",
        escape_markup(title)
    );
    for half in 0..=2 {
        let y = 16.0 + HEIGHT * (1.0 - f64::from(half) / 2.0);
        let value = most as f64 * f64::from(half) / 2.0;
        let _ = write!(
            out,
            "<path class=\"rule\" d=\"M40 {y:.1}H{width:.0}\"/><text class=\"tick\" x=\"34\" y=\"{:.1}\" text-anchor=\"end\">{value:.0}</text>",
            y + 4.0
        );
    }
    for (index, bar) in bars.iter().enumerate() {
        let x = 52.0 + STEP * index as f64;
        let mut y = 16.0 + HEIGHT;
        for (class, words, count) in bar.parts.iter().filter(|part| part.2 > 0) {
            let height = (HEIGHT * *count as f64 / most as f64).max(1.5);
            y -= height;
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"40\" height=\"{height:.1}\"><title>{}: {count} {words}</title></rect>",
                escape_markup(&bar.name)
            );
        }
        let short: String = bar.name.chars().take(10).collect();
        let _ = write!(
            out,
            "<text class=\"tick\" x=\"{:.1}\" y=\"154\" text-anchor=\"middle\">{}</text>",
            x + 20.0,
            escape_markup(&short)
        );
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_become_elements() {
        let bar = Bar { name: "<script>".into(), parts: vec![("open", "open", 3)] };
        let out = trend("a\"b", &[bar]);
        assert!(!out.contains("<script") && out.contains("a&quot;b") && out.contains("height=\"120.0\""));
        assert_eq!(trend("nothing", &[]), "");
    }
}
