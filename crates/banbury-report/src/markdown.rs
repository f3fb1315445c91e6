/// Renders Markdown for a terminal: headings and code stand out if `colour` is set, fences go.
pub fn render_markdown(text: &str, colour: bool) -> String {
    let style = |code: &str, text: &str| match colour {
        true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        false => text.to_owned(),
    };
    let mut out = String::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code {
            out.push_str("    ");
            out.push_str(&style("36", line));
        } else if let Some(heading) = line.strip_prefix('#') {
            out.push_str(&style("1", heading.trim_start_matches('#').trim()));
        } else {
            out.push_str(&inline(line, colour));
        }
        out.push('\n');
    }
    out
}

fn inline(line: &str, colour: bool) -> String {
    if !colour {
        return line.to_owned();
    }
    let mut out = String::new();
    for (index, part) in line.split('`').enumerate() {
        match index % 2 {
            1 => out.push_str(&format!("\u{1b}[36m{part}\u{1b}[0m")),
            _ => out.push_str(part),
        }
    }
    out
}
