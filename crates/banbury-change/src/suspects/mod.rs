//! What a statement does that deserves a look whoever wrote it and whatever stood there before.

mod calls;
mod condition;
mod flow;
mod settings;

use crate::features::{Features, Reading, Role, role};
use crate::lex::{Text, Token, TokenKind};
use crate::names;
use crate::stats::Habits;

impl Reading<'_> {
    /// Suspicious traits of statement `at` of the text.
    pub fn suspects(&self, text: &Text<'_>, at: usize, habits: &Habits, out: &mut Features) {
        let statement = &text.statements[at];
        let tokens = text.of(statement);
        self.hidden(text, tokens, out);
        if !text.kind.is_code() {
            self.suspect_setting(text, tokens, out);
            return;
        }
        let words: Vec<&str> = tokens.iter().map(|token| text.word(token)).collect();
        match role(text, statement) {
            Role::Condition | Role::Loop => self.suspect_condition(text, at, &words, habits, out),
            Role::Directive => suspect_directive(&words, out),
            Role::Call => self.suspect_call(text, tokens, &words, habits, out),
            Role::Assignment | Role::Declaration => self.suspect_value(text, at, tokens, &words, habits, out),
            _ => {}
        }
        self.suspect_calls(tokens, &words, out);
        self.suspect_flow(text, at, out);
    }

    /// Characters that a reader does not see, or takes for others.
    fn hidden(&self, text: &Text<'_>, tokens: &[Token], out: &mut Features) {
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return };
        let bytes = &text.source[first.start as usize..(last.start + last.len) as usize];
        if bytes.is_ascii() {
            return;
        }
        let chars = String::from_utf8_lossy(bytes);
        if chars.chars().any(is_invisible) {
            out.set("suspect.invisible-character");
        }
        for token in tokens.iter().filter(|token| token.kind == TokenKind::Word) {
            let word = text.word(token);
            let letters = word.chars().any(|c| c.is_ascii_alphabetic());
            if text.kind.is_code() && letters && word.chars().any(is_look_alike) {
                out.set("suspect.look-alike");
            }
        }
    }

    fn suspect_call(
        &self,
        text: &Text<'_>,
        tokens: &[Token],
        words: &[&str],
        habits: &Habits,
        out: &mut Features,
    ) {
        if let Some(share) = habits.used(tokens[0].hash) {
            if share >= 0.8 {
                out.set("suspect.result-ignored");
            }
        }
        let callee = words[0];
        let class = self.lexicon.classes(callee);
        if class & names::LOG != 0 || callee.contains("printf") {
            let secret = tokens[1..]
                .iter()
                .any(|token| token.kind == TokenKind::Word && self.is_secret(text.word(token)));
            let prints =
                tokens.iter().any(|token| token.kind == TokenKind::Text && text.word(token).contains('%'));
            if secret && prints {
                out.set("suspect.secret-logged");
            }
            let last = words.len().saturating_sub(3);
            let plain = words.len() >= 5
                && matches!(words[last], "," | "(")
                && is_word(words[last + 1])
                && !is_capital(words[last + 1])
                && !tokens.iter().any(|token| token.kind == TokenKind::Text)
                && words.get(last + 2) == Some(&")")
                || words.len() >= 6 && format_is_name(words, tokens);
            if plain && (callee.contains("printf") || callee.contains("log") || class & names::ERROR != 0) {
                out.set("suspect.format-not-literal");
            }
        }
    }

    fn suspect_value(
        &self,
        text: &Text<'_>,
        at: usize,
        tokens: &[Token],
        words: &[&str],
        habits: &Habits,
        out: &mut Features,
    ) {
        let Some(equal) = words.iter().position(|word| *word == "=" || *word == ":=") else {
            if uninitialised(text, at, words) {
                out.set("suspect.uninitialised");
            }
            return;
        };
        let target = words[..equal].iter().rev().find(|word| is_word(word)).copied().unwrap_or("");
        let is_literal = words.get(equal + 1).is_some_and(|word| word.starts_with('"') && word.len() > 2);
        if self.is_secret(target) && is_literal {
            out.set("suspect.secret-fixed");
        }
        let called = tokens[equal + 1..]
            .windows(2)
            .find(|pair| pair[0].kind == TokenKind::Word && text.word(&pair[1]) == "(");
        if let Some(pair) = called {
            let tested = tests_soon(text, at, target);
            if !tested && habits.tested(pair[0].hash).is_some_and(|share| share >= 0.8) {
                out.set("suspect.result-untested");
            }
        }
    }
}

fn suspect_directive(words: &[&str], out: &mut Features) {
    if matches!(words, ["#", "if", "0" | "1"]) {
        out.set("suspect.constant-condition");
    }
    if words.get(1) == Some(&"define") && words.get(3) == Some(&"(") {
        let body = words.iter().position(|word| *word == ")").map_or(&[][..], |close| &words[close + 1..]);
        let empty =
            matches!(body, [] | ["(", "0" | "1", ")"] | ["0" | "1"] | ["(", "(", "void", ")", "0", ")"]);
        if empty {
            out.set("suspect.macro-empty");
        }
    }
}

/// A declaration without a value among neighbours that have one.
fn uninitialised(text: &Text<'_>, at: usize, words: &[&str]) -> bool {
    if text.statements[at].function == crate::lex::NO_FUNCTION
        || words.contains(&"(")
        || words.last() != Some(&";")
    {
        return false;
    }
    let has_value = |at: usize| {
        text.statements.get(at).is_some_and(|near| {
            role(text, near) == Role::Declaration && text.of(near).iter().any(|token| text.word(token) == "=")
        })
    };
    words.contains(&"*")
        && [at.wrapping_sub(1), at.wrapping_sub(2), at + 1, at + 2]
            .iter()
            .filter(|at| has_value(**at))
            .count()
            >= 2
}

/// Whether one of the next statements tests the variable.
pub fn tests_soon(text: &Text<'_>, at: usize, name: &str) -> bool {
    let function = text.statements[at].function;
    text.statements[at + 1..].iter().take(5).take_while(|next| next.function == function).any(|next| {
        let tokens = text.of(next);
        let is_test = matches!(role(text, next), Role::Condition | Role::Loop | Role::Return)
            || tokens.first().is_some_and(|first| text.word(first).to_ascii_lowercase().contains("assert"))
            || tokens.iter().any(|token| text.word(token) == "?");
        is_test && tokens.iter().any(|token| text.word(token) == name)
    })
}

/// `f(x, format)` in which the last argument is a name and there is no literal.
fn format_is_name(words: &[&str], tokens: &[Token]) -> bool {
    let callee = words[0];
    let position = match callee {
        "printf" => 0,
        "fprintf" | "sprintf" | "dprintf" | "syslog" => 1,
        "snprintf" => 2,
        _ => return false,
    };
    let mut depth = 0;
    let mut argument = 0;
    for (at, word) in words.iter().enumerate().skip(2) {
        match *word {
            "(" => depth += 1,
            ")" if depth == 0 => return false,
            ")" => depth -= 1,
            "," if depth == 0 => argument += 1,
            _ if argument == position && depth == 0 => {
                let ends = matches!(words.get(at + 1), Some(&"," | &")"));
                return tokens[at].kind == TokenKind::Word && ends && !is_capital(word);
            }
            _ => {}
        }
    }
    false
}

fn is_word(word: &str) -> bool {
    word.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn is_capital(word: &str) -> bool {
    word.len() > 1
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{00ad}' | '\u{115f}' | '\u{1160}' | '\u{3164}')
}

fn is_look_alike(c: char) -> bool {
    matches!(c, '\u{0370}'..='\u{03ff}' | '\u{0400}'..='\u{04ff}' | '\u{ff00}'..='\u{ff5e}' | '\u{2010}'..='\u{2015}')
}
