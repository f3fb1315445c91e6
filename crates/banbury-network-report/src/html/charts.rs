//! Charts drawn as SVG text.

use std::fmt::Write as _;

use super::text::{escape, number};

/// One line of a chart.
pub(super) struct Line {
    pub name: String,
    pub points: Vec<(i32, f64)>,
}

const COLOURS: [&str; 6] = ["var(--l0)", "var(--l1)", "var(--l2)", "var(--l3)", "var(--l4)", "var(--l5)"];
const RED: &str = "var(--violated)";

/// Shares over time: the forbidden part shaded, the deadline an upright, names at the ends of lines.
pub(super) fn shares(
    lines: &[Line],
    cap: f64,
    deadline: Option<i32>,
    label: &dyn Fn(i32) -> String,
) -> String {
    let (width, height, left, right, bottom) = (420.0, 210.0, 40.0, 74.0, 26.0);
    let days = lines.iter().flat_map(|l| l.points.iter().map(|p| p.0));
    let (Some(first), Some(last)) = (days.clone().min(), days.max()) else { return String::new() };
    let highest = lines.iter().flat_map(|l| l.points.iter().map(|p| p.1)).fold(cap, f64::max);
    let top = (highest * 1.15).clamp(0.01, highest.max(1.0));
    let part = |day: i32| f64::from(day - first) / f64::from((last - first).max(1));
    let x = |day: i32| left + (width - left - right) * part(day);
    let y = |share: f64| 10.0 + (height - bottom - 10.0) * (1.0 - share / top);
    let mut out = format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"Shares over time\" font-size=\"11\">\n"
    );
    let from = deadline.map_or(left, |d| x(d.clamp(first, last)));
    let _ = writeln!(
        out,
        "<rect x=\"{from:.1}\" y=\"10\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{RED}\" opacity=\"0.08\"/>",
        width - right - from,
        y(cap) - 10.0
    );
    for tick in 0..=2 {
        let share = top * f64::from(tick) / 2.0;
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"var(--quiet)\">{:.0} %</text><path d=\"M{left} {:.1}H{:.0}\" stroke=\"var(--line)\"/>",
            left - 6.0,
            y(share) + 4.0,
            share * 100.0,
            y(share),
            width - right
        );
    }
    let _ = writeln!(
        out,
        "<path d=\"M{left} {0:.1}H{1:.0}\" stroke=\"{RED}\" stroke-width=\"1.4\" stroke-dasharray=\"6 3\"/><text x=\"{2:.0}\" y=\"{3:.1}\" fill=\"{RED}\">cap {4:.0} %</text>",
        y(cap),
        width - right,
        left + 4.0,
        y(cap) - 4.0,
        cap * 100.0
    );
    let ends = spread(lines.iter().map(|l| l.points.last().map_or(0.0, |p| y(p.1))).collect());
    for (i, line) in lines.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let mut path = String::new();
        for (n, &(day, share)) in line.points.iter().enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if n == 0 { "M" } else { "L" }, x(day), y(share));
        }
        let dash = ["", " stroke-dasharray=\"2 2\"", " stroke-dasharray=\"8 2\""][i / COLOURS.len() % 3];
        let name = escape(&line.name);
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}><title>{name}</title></path>"
        );
        if lines.len() <= 12 {
            let _ = writeln!(
                out,
                "<text x=\"{:.0}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
                width - right + 5.0,
                ends[i] + 4.0
            );
        }
    }
    for (day, anchor) in [(first, "start"), (last, "end")] {
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"{anchor}\" fill=\"var(--quiet)\">{}</text>",
            x(day),
            height - 8.0,
            label(day)
        );
    }
    out.push_str("</svg>\n");
    out
}

/// Heights of labels moved apart so that none lies on another.
fn spread(mut heights: Vec<f64>) -> Vec<f64> {
    const APART: f64 = 12.0;
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|&a, &b| heights[a].total_cmp(&heights[b]).then(a.cmp(&b)));
    for pair in order.windows(2) {
        if heights[pair[1]] < heights[pair[0]] + APART {
            heights[pair[1]] = heights[pair[0]] + APART;
        }
    }
    heights
}

/// A bar: its name, parts one after the other in colours, and a text behind.
pub(super) type Bar = (String, Vec<(f64, &'static str)>, String);

/// Horizontal bars.
pub(super) fn bars(rows: &[Bar]) -> String {
    let whole = |parts: &[(f64, &str)]| parts.iter().map(|p| p.0).sum::<f64>();
    let most = rows.iter().map(|r| whole(&r.1)).fold(0.0, f64::max);
    if most <= 0.0 {
        return String::new();
    }
    let longest = rows.iter().map(|r| r.0.chars().count()).max().unwrap_or(0) as f64;
    let left = (longest * 7.0 + 12.0).min(170.0);
    let room = 460.0 - left - 110.0;
    let height = rows.len() as f64 * 24.0 + 4.0;
    let mut out =
        format!("<svg viewBox=\"0 0 460 {height:.0}\" role=\"img\" aria-label=\"Bars\" font-size=\"12\">\n");
    for (i, (name, parts, text)) in rows.iter().enumerate() {
        let y = i as f64 * 24.0 + 3.0;
        let _ =
            writeln!(out, "<text x=\"0\" y=\"{:.0}\" fill=\"var(--ink)\">{}</text>", y + 13.0, escape(name));
        let mut x = left;
        for (value, colour) in parts.iter().filter(|p| p.0 > 0.0) {
            let long = (room * value / most).max(1.0);
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"{y:.0}\" width=\"{long:.1}\" height=\"17\" fill=\"{colour}\"/>"
            );
            x += long;
        }
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"{:.0}\" fill=\"var(--quiet)\">{}</text>",
            x + 6.0,
            y + 13.0,
            escape(text)
        );
    }
    out.push_str("</svg>\n");
    out
}

/// A figure and what it counts, in a frame of the state's colour.
pub(super) fn tile(out: &mut String, class: &str, figure: u64, about: &str) {
    let _ = writeln!(out, "<div class=\"tile {class}\"><b>{}</b><span>{about}</span></div>", number(figure));
}
