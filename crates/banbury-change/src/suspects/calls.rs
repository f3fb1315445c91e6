//! Calls, names and literals that are dangerous by themselves.

use super::is_word;
use crate::features::{Features, Reading};
use crate::lex::{Token, TokenKind};

impl Reading<'_> {
    pub(super) fn suspect_calls(&self, tokens: &[Token], words: &[&str], out: &mut Features) {
        for (at, pair) in words.windows(2).enumerate() {
            if pair[1] != "(" || !is_word(pair[0]) {
                continue;
            }
            let (callee, arguments) = (pair[0], &words[at + 2..]);
            dangerous(callee, arguments, out);
            if is_format(callee) && concatenates(arguments) {
                out.set("suspect.format-not-literal");
            }
            if narrows_twice(callee, arguments) {
                out.set("suspect.narrowed-within");
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
}

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

/// Calls that are dangerous whatever surrounds them.
fn dangerous(callee: &str, arguments: &[&str], out: &mut Features) {
    match callee {
        "strcpy" | "strcat" | "sprintf" | "vsprintf" | "gets" | "stpcpy" => out.set("suspect.unbounded-copy"),
        "rand" | "random" | "srand" | "drand48" => out.set("suspect.weak-random"),
        "system" | "popen" | "execl" | "execlp" | "execv" | "execvp" | "dlopen" => out.set("suspect.exec"),
        "chmod" | "fchmod" | "mkdir" | "open" | "umask"
            if arguments.iter().any(|word| matches!(*word, "0777" | "0666" | "0776" | "0667")) =>
        {
            out.set("suspect.wide-mode");
        }
        "umask" if arguments.first() == Some(&"0") => out.set("suspect.wide-mode"),
        "strncpy" | "strncat" | "strlcpy" | "snprintf"
            if arguments.windows(2).any(|pair| pair == ["strlen", "("]) =>
        {
            out.set("suspect.bound-of-source");
        }
        "listen" | "bind" | "accept" => out.set("suspect.listener"),
        _ => {}
    }
}

/// Whether a name is that of a function that takes a format: `printf`, `Errorf`.
fn is_format(callee: &str) -> bool {
    callee.contains("printf") || callee.ends_with('f') && callee.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Whether the first argument is put together at run time.
fn concatenates(arguments: &[&str]) -> bool {
    let first = arguments.iter().take_while(|word| !matches!(**word, "," | ";"));
    let words: Vec<&str> = first.copied().collect();
    words.first().is_some_and(|word| word.starts_with('"')) && words.get(1) == Some(&"+")
}

/// `int32(int16(...))`: a conversion that loses what the outer type would hold.
fn narrows_twice(callee: &str, arguments: &[&str]) -> bool {
    let bits = |word: &str| crate::changed::integer(word).map(|(bits, _)| bits);
    match (bits(callee), arguments) {
        (Some(outer), [inner, "(", ..]) => bits(inner).is_some_and(|inner| inner < outer),
        _ => false,
    }
}
