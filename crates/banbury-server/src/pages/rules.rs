//! What a rule checks: the text that also tests it.

use askama::Template;
use banbury_base::text::escape_markup;

use super::{Frame, page};
use crate::exchange::{Answered, Exchange, Fault};

#[derive(Template)]
#[template(path = "rule.html")]
struct Show {
    frame: Frame,
    id: String,
    cwe: String,
    text: String,
}

pub fn is_known(rule: &str) -> bool {
    banbury_engine::rules().iter().any(|known| known.id == rule)
}

pub fn show(x: &Exchange<'_>) -> Answered {
    let rules = banbury_engine::rules();
    let rule = rules.iter().find(|rule| rule.id == x.part("rule")).ok_or(Fault::NotFound)?;
    let cwe: Vec<String> = rule.cwe.iter().map(|number| format!("CWE-{number}")).collect();
    page(&Show {
        frame: Frame::new(x, rule.title),
        id: rule.id.to_owned(),
        cwe: cwe.join(", "),
        text: html(rule.readme),
    })
}

/// The Markdown of rules as HTML: headings, paragraphs, lists, fenced code and `code`.
fn html(text: &str) -> String {
    let mut out = String::new();
    // The element that is open.
    let mut open = "";
    let mut close = |out: &mut String, next: &'static str| {
        if open != next {
            out.push_str(match open {
                "p" => "</p>\n",
                "ul" => "</ul>\n",
                "pre" => "</code></pre>\n",
                _ => "",
            });
            out.push_str(match next {
                "p" => "<p>",
                "ul" => "<ul>",
                "pre" => "<pre><code>",
                _ => "",
            });
        }
        open = next;
    };
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            close(&mut out, if fenced { "pre" } else { "" });
        } else if fenced {
            out.push_str(&escape_markup(line));
            out.push('\n');
        } else if line.trim().is_empty() {
            close(&mut out, "");
        } else if let Some(heading) = line.strip_prefix('#') {
            close(&mut out, "");
            let level = 1 + heading.bytes().take_while(|byte| *byte == b'#').count().min(3);
            out.push_str(&format!(
                "<h{level}>{}</h{level}>\n",
                inline(heading.trim_start_matches('#').trim())
            ));
        } else if let Some(item) = line.trim_start().strip_prefix("- ") {
            close(&mut out, "ul");
            out.push_str(&format!("<li>{}\n", inline(item)));
        } else {
            let in_list = line.starts_with(' ') && out.ends_with('\n') && !out.ends_with(">\n");
            if !in_list {
                close(&mut out, "p");
            }
            out.push_str(&inline(line.trim()));
            out.push('\n');
        }
    }
    close(&mut out, "");
    out
}

/// Text between back quotes is code.
fn inline(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let part = |(index, part): (usize, &str)| match index % 2 {
        0 => escape_markup(part),
        _ => format!("<code>{}</code>", escape_markup(part)),
    };
    parts.map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_page_without_a_stray_element() {
        for rule in banbury_engine::rules() {
            let page = html(rule.readme);
            for (begin, end) in
                [("<p>", "</p>"), ("<ul>", "</ul>"), ("<pre>", "</pre>"), ("<code>", "</code>")]
            {
                assert_eq!(page.matches(begin).count(), page.matches(end).count(), "{}: {begin}", rule.id);
            }
        }
        assert_eq!(
            html("# A <b>\n\ntext `x<y`\n"),
            "<h1>A &lt;b&gt;</h1>\n<p>text <code>x&lt;y</code>\n</p>\n"
        );
    }
}
