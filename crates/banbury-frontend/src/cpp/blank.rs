//! For text without a preprocessor: directives become blank lines and one arm of every `#if`
//! stays. Line breaks and columns are kept.

/// What is known about a condition without any definitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    True,
    False,
    Unknown,
}

/// A stretch of lines between two directives of one group; `first` is the directive's line.
#[derive(Clone, Debug)]
struct Arm {
    verdict: Verdict,
    first: usize,
    end: usize,
}

/// Blanks directives and the arms of `#if` groups that are not chosen.
pub(super) fn blank_directives(text: &[u8]) -> Vec<u8> {
    let lines = line_starts(text);
    let line = |at: usize| lines[at]..lines.get(at + 1).copied().unwrap_or(text.len());
    let directives = directive_lines(text, &lines);
    let mut dead = vec![false; lines.len()];
    let mut open: Vec<Vec<Arm>> = Vec::new();
    for &(first, last) in &directives {
        dead[first..=last].fill(true);
        let (word, rest) = words(&text[line(first).start..line(last).end]);
        match word.as_str() {
            "if" | "ifdef" | "ifndef" => {
                open.push(vec![Arm { verdict: verdict(&word, &rest), first: last + 1, end: last + 1 }]);
            }
            "elif" | "elifdef" | "elifndef" | "else" => {
                let Some(arms) = open.last_mut() else { continue };
                close_arm(arms, first);
                arms.push(Arm { verdict: verdict(&word, &rest), first: last + 1, end: last + 1 });
            }
            "endif" => {
                let Some(mut arms) = open.pop() else { continue };
                close_arm(&mut arms, first);
                kill_others(&arms, &mut dead);
            }
            _ => {}
        }
    }
    let mut out = text.to_vec();
    for at in (0..lines.len()).filter(|&at| dead[at]) {
        out[line(at)].iter_mut().filter(|b| !matches!(**b, b'\n' | b'\r')).for_each(|b| *b = b' ');
    }
    out
}

fn line_starts(text: &[u8]) -> Vec<usize> {
    let breaks = text.iter().enumerate().filter(|&(_, &b)| b == b'\n').map(|(at, _)| at + 1);
    let mut lines: Vec<usize> = std::iter::once(0).chain(breaks).collect();
    if lines.len() > 1 && lines.last() == Some(&text.len()) {
        lines.pop();
    }
    lines
}

/// First and last line of every directive; not those inside comments.
fn directive_lines(text: &[u8], lines: &[usize]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let (mut at, mut in_comment) = (0, false);
    while at < lines.len() {
        let line = &text[lines[at]..lines.get(at + 1).copied().unwrap_or(text.len())];
        let first = at;
        let is_directive = !in_comment && line.trim_ascii_start().starts_with(b"#");
        in_comment = comment_after(line, in_comment);
        if is_directive {
            let mut text_of_last = line;
            while continues(text_of_last) && at + 1 < lines.len() {
                at += 1;
                text_of_last = &text[lines[at]..lines.get(at + 1).copied().unwrap_or(text.len())];
                in_comment = comment_after(text_of_last, in_comment);
            }
            out.push((first, at));
        }
        at += 1;
    }
    out
}

fn continues(line: &[u8]) -> bool {
    line.trim_ascii_end().ends_with(b"\\")
}

/// Whether a block comment is open at the end of a line.
fn comment_after(line: &[u8], mut inside: bool) -> bool {
    let (mut at, mut quote) = (0, 0u8);
    while at < line.len() {
        let next = line.get(at + 1).copied().unwrap_or(0);
        match line[at] {
            b'*' if inside && next == b'/' => (inside, at) = (false, at + 1),
            _ if inside => {}
            b'\\' if quote != 0 => at += 1,
            b if quote != 0 => quote = if b == quote { 0 } else { quote },
            b'/' if next == b'/' => return false,
            b'/' if next == b'*' => (inside, at) = (true, at + 1),
            b'"' => quote = b'"',
            _ => {}
        }
        at += 1;
    }
    inside
}

/// The directive's word and what follows it.
fn words(directive: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(directive);
    let text = text.trim_start().trim_start_matches('#').trim_start();
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let rest = rest.split("/*").next().unwrap_or("").split("//").next().unwrap_or("");
    (word.to_string(), rest.trim().to_string())
}

fn verdict(word: &str, condition: &str) -> Verdict {
    let not = |v| match v {
        Verdict::True => Verdict::False,
        Verdict::False => Verdict::True,
        Verdict::Unknown => Verdict::Unknown,
    };
    match word {
        "else" => Verdict::True,
        "ifdef" | "elifdef" => defined(condition),
        // An undefined name is the usual case for include guards and opt-outs.
        "ifndef" | "elifndef" => match defined(condition) {
            Verdict::Unknown => Verdict::True,
            known => not(known),
        },
        _ => {
            let (negated, inner) = match condition.strip_prefix('!') {
                Some(inner) => (true, inner.trim()),
                None => (false, condition),
            };
            let name = inner.strip_prefix("defined").map(|n| n.trim_matches(|c| " ()".contains(c)));
            let known = match (inner, name) {
                ("0", _) => Verdict::False,
                ("1", _) => Verdict::True,
                (_, Some(name)) => defined(name),
                _ => Verdict::Unknown,
            };
            if negated { not(known) } else { known }
        }
    }
}

fn defined(name: &str) -> Verdict {
    match name {
        "_WIN32" | "WIN32" | "_WIN64" | "_MSC_VER" | "__APPLE__" => Verdict::False,
        "__cplusplus" | "__linux__" | "__GNUC__" | "__unix__" => Verdict::True,
        _ => Verdict::Unknown,
    }
}

fn close_arm(arms: &mut [Arm], line: usize) {
    if let Some(arm) = arms.last_mut() {
        arm.end = line;
    }
}

/// Keeps the first true arm; before that an unknown one, unless the last is longer.
fn kill_others(arms: &[Arm], dead: &mut [bool]) {
    let open: Vec<&Arm> = arms.iter().filter(|arm| arm.verdict != Verdict::False).collect();
    let chosen = match open.as_slice() {
        [] => None,
        [only] => Some(*only),
        [first, ..] if first.verdict == Verdict::True => Some(*first),
        [first, .., last] => {
            Some(if last.end.saturating_sub(last.first) > first.end.saturating_sub(first.first) {
                *last
            } else {
                *first
            })
        }
    };
    for arm in arms {
        if chosen.is_none_or(|chosen| chosen.first != arm.first || chosen.end != arm.end) {
            dead[arm.first..arm.end.max(arm.first)].fill(true);
        }
    }
}
