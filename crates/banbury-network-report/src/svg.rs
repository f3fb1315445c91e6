//! Pictures drawn as SVG text. Colours are told apart by shape as well.

use std::fmt::Write as _;

/// Text safe in HTML and SVG.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => {}
            c => out.push(c),
        }
    }
    out
}

/// How a place is drawn: index into [`STATES`], worst last.
pub(crate) const STATES: [(&str, &str); 5] = [
    ("compliant", "#3a8f5c"),
    ("exempted", "#4a6fa5"),
    ("unknown", "#8a8a8a"),
    ("will be violated", "#e08b1a"),
    ("violated", "#c0392b"),
];

pub(crate) struct Place {
    pub lat: f64,
    pub lon: f64,
    pub state: usize,
    pub title: String,
}

/// Sites by status, in plate carrée with the middle latitude true to scale. More than `MOST` places
/// are gathered in a grid; a cell shows its worst.
pub(crate) fn map(places: &[Place]) -> String {
    const MOST: usize = 4000;
    const WIDTH: f64 = 720.0;
    if places.is_empty() {
        return "<p>No site has coordinates.</p>".to_owned();
    }
    let fold =
        |f: fn(f64, f64) -> f64, start: f64, get: fn(&Place) -> f64| places.iter().map(get).fold(start, f);
    let (south, north) = (fold(f64::min, 90.0, |p| p.lat), fold(f64::max, -90.0, |p| p.lat));
    let (west, east) = (fold(f64::min, 180.0, |p| p.lon), fold(f64::max, -180.0, |p| p.lon));
    let squeeze = ((south + north) / 2.0).to_radians().cos().max(0.05);
    let (span_x, span_y) = (((east - west) * squeeze).max(0.01), (north - south).max(0.01));
    let scale = (WIDTH / span_x).min(900.0 / span_y);
    let (width, height) = (span_x * scale, span_y * scale);
    let xy = |p: &Place| (20.0 + (p.lon - west) * squeeze * scale, 20.0 + (north - p.lat) * scale);
    let mut marks: Vec<(f64, f64, usize, String, usize)> = Vec::new();
    if places.len() <= MOST {
        marks.extend(places.iter().map(|p| (xy(p).0, xy(p).1, p.state, p.title.clone(), 1)));
    } else {
        let mut cells: std::collections::BTreeMap<(i32, i32), (usize, usize)> =
            std::collections::BTreeMap::new();
        for p in places {
            let (x, y) = xy(p);
            let cell = cells.entry(((x / 8.0) as i32, (y / 8.0) as i32)).or_default();
            cell.0 = cell.0.max(p.state);
            cell.1 += 1;
        }
        marks.extend(cells.into_iter().map(|((cx, cy), (state, n))| {
            (f64::from(cx) * 8.0 + 4.0, f64::from(cy) * 8.0 + 4.0, state, format!("{n} sites"), n)
        }));
    }
    marks.sort_by_key(|m| m.2);
    let mut out = format!(
        "<svg viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"Map of sites by status\">\n",
        width + 40.0,
        height + 40.0
    );
    let _ = writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"#f6f6f2\"/>");
    for (x, y, state, title, count) in marks {
        let colour = STATES[state].1;
        let r = if count > 1 { 3.5 } else { 2.5 + state as f64 * 0.4 };
        let title = escape(&format!("{title}: {}", STATES[state].0));
        let shape = match state {
            4 => format!("<path d=\"M{x:.1} {:.1}l{r:.1} {:.1}h-{:.1}z\"", y - r, 2.0 * r, 2.0 * r),
            3 => format!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"",
                x - r,
                y - r,
                2.0 * r,
                2.0 * r
            ),
            _ => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\""),
        };
        let _ = writeln!(
            out,
            "{shape} fill=\"{colour}\"><title>{title}</title></{}>",
            match state {
                4 => "path",
                3 => "rect",
                _ => "circle",
            }
        );
    }
    out.push_str("</svg>\n");
    out
}

/// One line of a chart.
pub(crate) struct Line {
    pub name: String,
    pub points: Vec<(i32, f64)>,
}

/// Shares over time with the cap as a line and its deadline as an upright.
pub(crate) fn shares(
    lines: &[Line],
    cap: f64,
    deadline: Option<i32>,
    label: &dyn Fn(i32) -> String,
) -> String {
    let (width, height, left, bottom) = (720.0, 240.0, 48.0, 28.0);
    let days = lines.iter().flat_map(|l| l.points.iter().map(|p| p.0));
    let (Some(first), Some(last)) = (days.clone().min(), days.max()) else { return String::new() };
    let top = lines.iter().flat_map(|l| l.points.iter().map(|p| p.1)).fold(cap, f64::max).max(0.01) * 1.1;
    let x =
        |day: i32| left + (width - left - 10.0) * f64::from(day - first) / f64::from((last - first).max(1));
    let y = |share: f64| 10.0 + (height - bottom - 10.0) * (1.0 - share / top);
    let mut out =
        format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"Shares over time\">\n");
    let _ = writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"#fbfbf8\"/>");
    for tick in 0..=4 {
        let share = top * f64::from(tick) / 4.0;
        let _ = writeln!(
            out,
            "<text x=\"4\" y=\"{:.1}\" font-size=\"11\">{:.0} %</text><path d=\"M{left} {:.1}H{:.0}\" stroke=\"#ddd\"/>",
            y(share) + 4.0,
            share * 100.0,
            y(share),
            width - 10.0
        );
    }
    let _ = writeln!(
        out,
        "<path d=\"M{left} {0:.1}H{1:.0}\" stroke=\"#c0392b\" stroke-width=\"1.5\" stroke-dasharray=\"6 3\"/><text x=\"{2:.0}\" y=\"{3:.1}\" font-size=\"11\" fill=\"#c0392b\">cap {4:.0} %</text>",
        y(cap),
        width - 10.0,
        width - 70.0,
        y(cap) - 4.0,
        cap * 100.0
    );
    if let Some(day) = deadline.filter(|d| (first..=last).contains(d)) {
        let _ = writeln!(out, "<path d=\"M{0:.1} 10V{1:.0}\" stroke=\"#c0392b\"/>", x(day), height - bottom);
    }
    const COLOURS: [&str; 6] = ["#2b5d8a", "#3a8f5c", "#8a5a2b", "#6b4a8a", "#2b8a84", "#8a2b5d"];
    for (i, line) in lines.iter().enumerate() {
        let mut path = String::new();
        for (n, &(day, share)) in line.points.iter().enumerate() {
            let _ = write!(path, "{}{:.1} {:.1}", if n == 0 { "M" } else { "L" }, x(day), y(share));
        }
        let dash = [" ", " stroke-dasharray=\"2 2\"", " stroke-dasharray=\"8 2\""][i / COLOURS.len() % 3];
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"{dash}><title>{}</title></path>",
            COLOURS[i % COLOURS.len()],
            escape(&line.name)
        );
    }
    for day in [first, (first + last) / 2, last] {
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"{:.0}\" font-size=\"11\" text-anchor=\"middle\">{}</text>",
            x(day).clamp(30.0, width - 35.0),
            height - 8.0,
            label(day)
        );
    }
    out.push_str("</svg>\n");
    out
}

/// Horizontal bars: name, value, and a part of it drawn darker.
pub(crate) fn bars(rows: &[(String, f64, f64)]) -> String {
    let most = rows.iter().map(|r| r.1).fold(0.0, f64::max);
    if most <= 0.0 {
        return String::new();
    }
    let height = rows.len() as f64 * 22.0 + 8.0;
    let mut out = format!("<svg viewBox=\"0 0 720 {height:.0}\" role=\"img\" aria-label=\"Bars\">\n");
    for (i, (name, value, part)) in rows.iter().enumerate() {
        let y = i as f64 * 22.0 + 4.0;
        let _ = writeln!(
            out,
            "<text x=\"4\" y=\"{:.0}\" font-size=\"12\">{}</text><rect x=\"200\" y=\"{y:.0}\" width=\"{:.1}\" height=\"16\" fill=\"#c9d3dc\"/><rect x=\"200\" y=\"{y:.0}\" width=\"{:.1}\" height=\"16\" fill=\"#c0392b\"/><text x=\"{:.0}\" y=\"{:.0}\" font-size=\"11\">{part} of {value}</text>",
            y + 13.0,
            escape(name),
            400.0 * value / most,
            400.0 * part / most,
            206.0 + 400.0 * value / most,
            y + 13.0
        );
    }
    out.push_str("</svg>\n");
    out
}
