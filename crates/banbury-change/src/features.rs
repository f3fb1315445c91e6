//! What an edit is: numbered reasons, each a name and a value.

use crate::edits::{Action, Edit};
use crate::lex::{Statement, Text, Token, TokenKind};
use crate::names::{self, Lexicon};
use crate::stats::Habits;

/// Reasons found so far, each name once, the largest value.
#[derive(Clone, Debug, Default)]
pub struct Features(pub Vec<(&'static str, f32)>);

impl Features {
    pub fn set(&mut self, name: &'static str) {
        self.value(name, 1.0);
    }

    pub fn value(&mut self, name: &'static str, value: f32) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.max(value),
            None => self.0.push((name, value)),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }
}

/// Both versions of a file and what is needed to read them.
pub struct Reading<'a> {
    pub old: &'a Text<'a>,
    pub new: &'a Text<'a>,
    pub lexicon: &'a Lexicon,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Condition,
    Loop,
    Return,
    Jump,
    Case,
    Directive,
    Call,
    Assignment,
    Declaration,
    Brace,
    Other,
}

pub fn role(text: &Text<'_>, statement: &Statement) -> Role {
    let tokens = text.of(statement);
    let word = |at: usize| tokens.get(at).map_or("", |token| text.word(token));
    match word(0) {
        "if" | "switch" => Role::Condition,
        "else" if word(1) == "if" => Role::Condition,
        "while" | "for" => Role::Loop,
        "return" => Role::Return,
        "goto" | "break" | "continue" => Role::Jump,
        "case" | "default" => Role::Case,
        "#" => Role::Directive,
        "{" | "}" => Role::Brace,
        _ if !text.kind.is_code() => Role::Other,
        _ => match tokens {
            [first, second, ..] if first.kind == TokenKind::Word && text.word(second) == "(" => Role::Call,
            [first, second, ..] if first.kind == TokenKind::Word && second.kind == TokenKind::Word => {
                Role::Declaration
            }
            [first, rest @ ..] if first.kind == TokenKind::Word && declares_pointer(text, rest) => {
                Role::Declaration
            }
            _ if tokens.iter().any(|token| is_assignment(text.word(token))) => Role::Assignment,
            _ => Role::Other,
        },
    }
}

/// `*name;`, `**name = ...`: what follows the type in a declaration.
fn declares_pointer(text: &Text<'_>, tokens: &[Token]) -> bool {
    let stars = tokens.iter().take_while(|token| text.word(token) == "*").count();
    match tokens.get(stars..) {
        Some([name, after, ..]) if stars > 0 => {
            name.kind == TokenKind::Word && matches!(text.word(after), ";" | "=" | "," | "[")
        }
        _ => false,
    }
}

fn is_assignment(word: &str) -> bool {
    matches!(word, "=" | "+=" | "-=" | "|=" | "&=" | "^=" | "<<=" | ">>=" | "*=" | "/=" | ":=" | "%=")
}

pub fn is_relation(word: &str) -> bool {
    matches!(word, "<" | "<=" | ">" | ">=")
}

pub fn is_equality(word: &str) -> bool {
    matches!(word, "==" | "!=")
}

pub fn is_constant_name(word: &str) -> bool {
    word.len() > 1
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Reading<'_> {
    /// The reasons that lie in the edit itself.
    pub fn describe(&self, edit: &Edit, habits: &Habits, out: &mut Features) {
        let mut now = Features::default();
        for at in edit.new.0..edit.new.1 {
            self.suspects(self.new, at, habits, &mut now);
        }
        let mut before = Features::default();
        for at in edit.old.0..edit.old.1 {
            self.suspects(self.old, at, habits, &mut before);
        }
        for (name, _) in now.0.into_iter().filter(|(name, _)| !before.has(name)) {
            out.set(name);
        }
        match edit.action {
            Action::Removed => self.run(self.old, edit.old, false, out),
            Action::Added => self.run(self.new, edit.new, true, out),
            Action::Changed => {
                self.changed(&self.old.statements[edit.old.0], &self.new.statements[edit.new.0], out)
            }
        }
    }

    pub(crate) fn is_secret(&self, word: &str) -> bool {
        let is_value = !is_constant_name(word);
        is_value && {
            let mut found = false;
            names::each_part(word, |part| {
                found |= matches!(
                    part,
                    "password"
                        | "passwd"
                        | "passphrase"
                        | "secret"
                        | "credential"
                        | "credentials"
                        | "privkey"
                        | "psk"
                        | "opc"
                        | "token"
                        | "cookie"
                        | "pin"
                        | "kasme"
                        | "kseaf"
                        | "kausf"
                        | "kamf"
                        | "key"
                        | "keys"
                        | "pwd"
                        | "pass"
                        | "community"
                )
            });
            found
        }
    }

    pub(crate) fn classes(&self, text: &Text<'_>, tokens: &[Token]) -> u32 {
        tokens.iter().fold(0, |classes, token| match token.kind {
            TokenKind::Sign | TokenKind::Number => classes,
            _ => classes | self.lexicon.classes(text.word(token)),
        })
    }

    /// Whether the branch that this head guards leaves: the next few statements, as far as they
    /// are inside, end in a jump.
    pub fn exits(&self, text: &Text<'_>, at: usize) -> bool {
        let depth = text.statements[at].depth;
        let braced = text.statements.get(at + 1).is_some_and(|next| text.word(&text.of(next)[0]) == "{");
        if !braced {
            return text.statements.get(at + 1).is_some_and(|next| is_exit(text, next));
        }
        text.statements[at + 2..]
            .iter()
            .take(12)
            .take_while(|statement| statement.depth > depth)
            .any(|statement| statement.depth == depth + 1 && is_exit(text, statement))
    }
}

pub fn is_exit(text: &Text<'_>, statement: &Statement) -> bool {
    let Some(first) = text.of(statement).first() else { return false };
    let word = text.word(first);
    matches!(word, "return" | "goto" | "break" | "continue" | "throw" | "panic")
        || word.contains("assert")
        || matches!(word, "exit" | "abort" | "_exit" | "die")
}

pub fn is_number(word: &str) -> bool {
    word.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
}

pub fn number(word: &str) -> Option<f64> {
    let plain = word.trim_end_matches(['u', 'U', 'l', 'L']);
    match plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(|value| value as f64),
        None if plain.len() > 1 && plain.starts_with('0') => {
            u64::from_str_radix(plain.trim_start_matches('0'), 8).ok().map(|value| value as f64)
        }
        None => plain.parse().ok(),
    }
}

pub fn is_unbounded(word: &str) -> bool {
    matches!(
        word,
        "strcpy" | "strcat" | "sprintf" | "vsprintf" | "gets" | "alloca" | "scanf" | "stpcpy" | "wcscpy"
    )
}
