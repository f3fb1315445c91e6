//! What a statement does that deserves a look whoever wrote it and whatever stood there before.

use crate::features::{Features, Reading, Role, is_exit, is_number, role};
use crate::lex::{Statement, Text, Token, TokenKind};
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
        self.suspect_calls(text, tokens, &words, out);
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

    fn suspect_condition(
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

    fn suspect_calls(&self, text: &Text<'_>, tokens: &[Token], words: &[&str], out: &mut Features) {
        for (at, pair) in words.windows(2).enumerate() {
            if pair[1] != "(" || !is_word(pair[0]) {
                continue;
            }
            let callee = pair[0];
            let arguments = &words[at + 2..];
            match callee {
                "strcpy" | "strcat" | "sprintf" | "vsprintf" | "gets" | "stpcpy" => {
                    out.set("suspect.unbounded-copy")
                }
                "rand" | "random" | "srand" | "drand48" => out.set("suspect.weak-random"),
                "system" | "popen" | "execl" | "execlp" | "execv" | "execvp" | "dlopen" => {
                    out.set("suspect.exec")
                }
                "chmod" | "fchmod" | "mkdir" | "open" | "umask"
                    if arguments.iter().any(|word| matches!(*word, "0777" | "0666" | "0776" | "0667")) =>
                {
                    out.set("suspect.wide-mode");
                }
                "umask" if arguments.first() == Some(&"0") => out.set("suspect.wide-mode"),
                "strncpy" | "memcpy" | "strncat" | "strlcpy" | "snprintf" => {
                    if arguments.windows(2).any(|pair| pair[0] == "strlen" && pair[1] == "(")
                        && callee != "memcpy"
                    {
                        out.set("suspect.bound-of-source");
                    }
                }
                "listen" | "bind" | "accept" => out.set("suspect.listener"),
                _ => {}
            }
            let compares = callee.contains("cmp") || callee.contains("equal");
            let secret = || arguments.iter().any(|word| is_word(word) && self.is_secret(word));
            if compares && arguments.iter().any(|word| word.starts_with('"') && word.len() > 2) && secret() {
                out.set("suspect.secret-compared");
            }
        }
        for (token, word) in tokens.iter().zip(words) {
            if token.kind == TokenKind::Word {
                trusting(word, words, out);
            } else if token.kind == TokenKind::Text {
                self.literal(word, out);
            }
        }
        let _ = text;
    }

    fn literal(&self, word: &str, out: &mut Features) {
        if word.contains("0.0.0.0") {
            out.set("suspect.any-address");
        }
        if word.contains("/bin/sh") || word.contains("sh -c") {
            out.set("suspect.exec");
        }
        if word.contains("-----BEGIN ") {
            out.set("suspect.key-material");
        }
    }

    /// Jumps that make the next statement unreachable; use after release.
    fn suspect_flow(&self, text: &Text<'_>, at: usize, out: &mut Features) {
        let statement = &text.statements[at];
        let Some(next) = text.statements.get(at + 1) else { return };
        let first = |statement: &Statement| text.word(&text.of(statement)[0]);
        let before_is_head = at.checked_sub(1).is_some_and(|at| {
            let before = &text.statements[at];
            matches!(role(text, before), Role::Condition | Role::Loop) || first(before) == "else"
        });
        let leaves = matches!(first(statement), "return" | "goto" | "break" | "continue");
        let same_level = next.depth == statement.depth && next.function == statement.function;
        let reachable = matches!(first(next), "case" | "default" | "}" | "#" | "else")
            || text.of(next).get(1).is_some_and(|token| text.word(token) == ":");
        if leaves
            && same_level
            && !before_is_head
            && !reachable
            && statement.function != crate::lex::NO_FUNCTION
        {
            out.set("suspect.unreachable-after");
        }
        self.use_after(text, at, out);
        self.used_after(text, at, out);
    }

    /// The other way round: what this statement uses was released just before.
    fn used_after(&self, text: &Text<'_>, at: usize, out: &mut Features) {
        for before in (at.saturating_sub(3)..at).rev() {
            let statement = &text.statements[before];
            let here = &text.statements[at];
            if statement.depth != here.depth
                || statement.function != here.function
                || is_exit(text, statement)
            {
                return;
            }
            let mut found = Features::default();
            self.use_after(text, before, &mut found);
            let tokens = text.of(statement);
            if found.has("suspect.use-after-release")
                && tokens
                    .get(2)
                    .is_some_and(|argument| text.of(here).iter().any(|token| token.hash == argument.hash))
            {
                out.set("suspect.use-after-release");
            }
        }
    }

    fn use_after(&self, text: &Text<'_>, at: usize, out: &mut Features) {
        let statement = &text.statements[at];
        let tokens = text.of(statement);
        let [callee, open, argument, close, ..] = tokens else { return };
        let released = text.word(open) == "("
            && text.word(close) == ")"
            && argument.kind == TokenKind::Word
            && is_final(text.word(callee));
        if !released {
            return;
        }
        for next in text.statements[at + 1..].iter().take(6) {
            if next.depth != statement.depth || next.function != statement.function || is_exit(text, next) {
                return;
            }
            let tokens = text.of(next);
            let Some(found) = tokens.iter().position(|token| token.hash == argument.hash) else { continue };
            let assigned = tokens.get(found + 1).is_some_and(|token| text.word(token) == "=");
            let is_member = found > 0 && matches!(text.word(&tokens[found - 1]), "->" | ".");
            if !assigned && !is_member {
                out.set("suspect.use-after-release");
            }
            return;
        }
    }

    fn suspect_setting(&self, text: &Text<'_>, tokens: &[Token], out: &mut Features) {
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return };
        let bytes = &text.source[first.start as usize..(last.start + last.len) as usize];
        let line = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        for (name, parts) in SETTINGS {
            if parts.iter().any(|part| line.contains(part)) {
                out.set(name);
            }
        }
        if let Some((name, value)) = line.split_once([':', '=']) {
            let value = value.trim().trim_matches(['"', '\'']);
            let plain = value.len() >= 3 && !value.contains(['$', '{', '@', '%', '(', '<', '/']);
            if self.is_secret(name.trim()) && plain {
                out.set("suspect.secret-fixed");
            }
        }
        let fetches = line.contains("curl ") || line.contains("wget ");
        let runs = line.contains("| sh")
            || line.contains("|sh")
            || line.contains("| bash")
            || line.contains("eval ");
        if fetches || runs || line.contains("base64 -d") || line.contains("base64 --decode") {
            out.set("suspect.fetch-or-run");
        }
    }
}

/// Traits of lines in settings, scripts and build files.
const SETTINGS: &[(&str, &[&str])] = &[
    ("suspect.any-address", &["0.0.0.0", "[::]", ": ::0", "inaddr_any"]),
    (
        "suspect.verify-off",
        &[
            "--insecure",
            "--no-check-certificate",
            "verify: false",
            "verify=false",
            "verify = false",
            "verify_peer: no",
            "insecure_skip_verify",
            "sslverify=0",
            "sslverify false",
            "--allow-unauthenticated",
            "verify: none",
            "--no-verify",
            "gpgcheck=0",
            "trusted=yes",
            "no_verify",
            "skip_verify",
            "--nogpgcheck",
            "no-same-owner-check",
            "verify_client_cacert: no",
            "tls_verify off",
            "tls_verify 0",
        ],
    ),
    (
        "suspect.hardening-off",
        &[
            "-fno-stack-protector",
            "-u_fortify_source",
            "_fortify_source=0",
            "execstack",
            "-no-pie",
            "-fno-pie",
            "hardening=-",
            "norelro",
            "-wno-format-security",
            "-wno-error",
            "-fno-sanitize",
            "nx=off",
            "--disable-hardening",
            "privileged: true",
            "seccomp=unconfined",
            "apparmor=unconfined",
            "nopasswd",
            "user=root",
            "protectsystem=no",
            "nonewprivileges=no",
            "-wl,-z,lazy",
            "-fcf-protection=none",
            "b_pie=false",
        ],
    ),
    (
        "suspect.wide-mode",
        &["chmod 777", "chmod 666", "0777", "0666", "chmod a+w", "chmod o+w", "umask 0", "mode: 777"],
    ),
    ("suspect.failure-ignored", &["|| true", "|| :", "set +e", "continue-on-error: true", "ignore_errors"]),
    ("suspect.plain-http", &["http://"]),
];

/// Names that switch a verification off, or weak algorithms.
fn trusting(word: &str, words: &[&str], out: &mut Features) {
    let off = || words.iter().any(|word| matches!(*word, "0" | "0L" | "false" | "FALSE" | "NULL" | "nil"));
    match word {
        "SSL_VERIFY_NONE" | "MBEDTLS_SSL_VERIFY_NONE" | "GNUTLS_VERIFY_DISABLE_CA_SIGN" => {
            out.set("suspect.verify-off")
        }
        "InsecureSkipVerify" if words.contains(&"true") => out.set("suspect.verify-off"),
        "CURLOPT_SSL_VERIFYPEER" | "CURLOPT_SSL_VERIFYHOST" if off() => out.set("suspect.verify-off"),
        "INADDR_ANY" | "in6addr_any" => out.set("suspect.any-address"),
        _ => {}
    }
    let lower = word.to_ascii_lowercase();
    let weak = [
        "md5",
        "rc4",
        "_des_",
        "3des",
        "sslv3",
        "sslv2",
        "tlsv1_0",
        "tls1_version",
        "ecb",
        "null_cipher",
        "nea0",
        "nia0",
        "eea0",
        "eia0",
        "md4",
    ];
    if weak.iter().any(|part| lower.contains(part)) {
        out.set("suspect.weak-algorithm");
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

fn is_final(callee: &str) -> bool {
    let mut last = String::new();
    names::each_part(callee, |part| last = part.to_owned());
    matches!(
        last.as_str(),
        "free"
            | "delete"
            | "destroy"
            | "unref"
            | "release"
            | "close"
            | "kfree"
            | "xfree"
            | "cleanup"
            | "remove"
    )
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
