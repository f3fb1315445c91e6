//! Conditions that hold always, never or by accident, and those that guard nothing.

use super::{is_capital, is_word};
use crate::features::{Features, Reading, Role, is_number, role};
use crate::lex::{Statement, Text, TokenKind};
use crate::names;
use crate::stats::Habits;

impl Reading<'_> {
    pub(super) fn suspect_condition(
        &self,
        text: &Text<'_>,
        at: usize,
        words: &[&str],
        habits: &Habits,
        out: &mut Features,
    ) {
        let from = words.iter().position(|word| *word == "(").map_or(1, |open| open + 1);
        let mut depth = 0;
        let is_for = words.first() == Some(&"for");
        for (index, word) in words.iter().enumerate().skip(from) {
            match *word {
                "(" => depth += 1,
                ")" => depth -= 1,
                "=" if depth == 0 && !is_for && text.kind == crate::language::Kind::Code => {
                    let declares =
                        words[from..index].windows(2).any(|pair| is_word(pair[0]) && is_word(pair[1]));
                    if !declares && !words[index..].contains(&";") {
                        out.set("suspect.assignment-in-condition");
                    }
                }
                _ => {}
            }
        }
        let constant = matches!(words, ["if", "(", "0" | "1" | "true" | "false", ")"])
            || words.windows(2).any(|pair| matches!(pair, ["&&", "0" | "false"] | ["||", "1" | "true"]))
            || words
                .windows(3)
                .any(|three| matches!(three, ["(", "0" | "1" | "true" | "false", "&&" | "||"]));
        if constant {
            out.set("suspect.constant-condition");
        }
        let same = |three: &[&str]| {
            matches!(three[1], "==" | "!=" | "<" | ">" | "<=" | ">=") && three[0] == three[2]
        };
        if words.windows(5).any(|five| {
            same(&five[1..4]) && matches!(five[0], "(" | "&&" | "||") && matches!(five[4], ")" | "&&" | "||")
        }) {
            out.set("suspect.self-comparison");
        }
        let bounds = |word: &&&str| {
            self.lexicon.classes(word) & names::LENGTH != 0 || is_number(word) || is_capital(word)
        };
        if is_for && words.windows(2).any(|pair| pair[0] == "<=" && bounds(&&pair[1])) && words.contains(&"0")
        {
            out.set("suspect.inclusive-bound");
        }
        let empty = text.statements.get(at + 1).is_some_and(|next| text.word(&text.of(next)[0]) == ";");
        if empty && words.first() == Some(&"if") {
            out.set("suspect.empty-body");
        }
        self.toothless(text, at, words, habits, out);
    }

    /// A test for a failure whose branch reports and goes on.
    fn toothless(&self, text: &Text<'_>, at: usize, words: &[&str], _habits: &Habits, out: &mut Features) {
        if words.first() != Some(&"if") {
            return;
        }
        let fails = words.windows(2).any(|pair| {
            matches!(pair, ["==", "NULL" | "nil" | "nullptr"] | ["!", _] | ["<", "0"] | ["!=", "nil"])
                || matches!(pair[0], "!=" | "==") && self.lexicon.classes(pair[1]) & names::ERROR != 0
        });
        let depth = text.statements[at].depth;
        let braced = text.statements.get(at + 1).is_some_and(|next| text.word(&text.of(next)[0]) == "{");
        if !fails || !braced {
            return;
        }
        let body: Vec<&Statement> = text.statements[at + 2..]
            .iter()
            .take(8)
            .take_while(|statement| statement.depth > depth)
            .filter(|statement| role(text, statement) != Role::Brace)
            .collect();
        let only_logs = !body.is_empty()
            && body.iter().all(|statement| {
                let tokens = text.of(statement);
                let callee = tokens.iter().take_while(|token| text.word(token) != "(");
                callee.clone().any(|token| self.lexicon.classes(text.word(token)) & names::LOG != 0)
                    && tokens.iter().any(|token| token.kind == TokenKind::Text)
            });
        let followed_by_else = text
            .statements
            .get(at + 3 + body.len())
            .is_some_and(|next| text.word(&text.of(next)[0]) == "else");
        if only_logs && !followed_by_else {
            out.set("suspect.failure-only-logged");
        }
    }
}
