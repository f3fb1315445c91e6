//! What names of variables, fields and functions say.

/// Splits `authUserPassword`, `auth_user_password` and `AUTH_PASSWORD` into lower-case words.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            flush(&mut out, &mut word);
            lower_before = false;
            continue;
        }
        if c.is_ascii_uppercase() && lower_before {
            flush(&mut out, &mut word);
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
        word.push(c.to_ascii_lowercase());
    }
    flush(&mut out, &mut word);
    out
}

fn flush(out: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        out.push(std::mem::take(word));
    }
}

/// Words that say that the thing is *about* a secret rather than the secret itself.
const ABOUT: &[&str] = &[
    "len",
    "length",
    "size",
    "id",
    "type",
    "name",
    "file",
    "path",
    "count",
    "num",
    "idx",
    "index",
    "max",
    "min",
    "prompt",
    "policy",
    "expiry",
    "expire",
    "expires",
    "timeout",
    "valid",
    "ok",
    "flag",
    "flags",
    "cb",
    "callback",
    "func",
    "hash",
    "hashed",
    "digest",
    "set",
    "present",
    "required",
    "need",
    "needed",
    "enabled",
    "strength",
    "retries",
    "tries",
    "changed",
    "status",
    "error",
    "err",
    "mode",
    "list",
    "table",
    "map",
    "tree",
    "node",
    "iter",
    "public",
    "pub",
    "desc",
    "description",
    "format",
    "fmt",
    "regex",
    "help",
    "label",
    "usage",
    "option",
    "opt",
    "ptr",
    "pos",
    "offset",
    "bits",
    "state",
    "input",
    "parser",
    "lex",
];

/// A password or something as secret.
pub(crate) fn is_password(name: &str) -> bool {
    let words = words(name);
    let secret = words.iter().any(|w| {
        matches!(
            w.as_str(),
            "password"
                | "passwd"
                | "passphrase"
                | "passwort"
                | "pwd"
                | "pass"
                | "psk"
                | "credential"
                | "credentials"
        ) || w.ends_with("password")
            || w.ends_with("passwd")
            || w.ends_with("passphrase")
    });
    secret && !about(&words)
}

/// A password, or a key, token or other secret by its whole name.
pub(crate) fn is_secret(name: &str) -> bool {
    if is_password(name) {
        return true;
    }
    let words = words(name);
    let secret =
        words.iter().any(|w| {
            matches!(
                w.as_str(),
                "secret"
                    | "secrets"
                    | "privkey"
                    | "kasme"
                    | "kseaf"
                    | "kausf"
                    | "kamf"
                    | "knas"
                    | "kgnb"
                    | "kenb"
                    | "opc"
                    | "apikey"
                    | "passkey"
            )
        }) || pair(&words, &["private", "secret", "session", "master", "api", "encryption", "shared"], "key")
            || pair(&words, &["access", "auth", "bearer", "session", "refresh"], "token")
            || words.as_slice() == ["k"] && name == "K";
    secret && !about(&words)
}

/// A value that must be unpredictable.
pub(crate) fn must_be_random(name: &str) -> bool {
    if is_secret(name) {
        return true;
    }
    let words = words(name);
    words.iter().any(|w| {
        matches!(
            w.as_str(),
            "nonce"
                | "salt"
                | "iv"
                | "challenge"
                | "cookie"
                | "token"
                | "key"
                | "otp"
                | "csrf"
                | "rand"
                | "autn"
                | "tmsi"
                | "teid"
                | "isn"
                | "session"
                | "guid"
                | "uuid"
                | "ticket"
        )
    }) && !about(&words)
}

/// Deals with who may do what.
pub(crate) fn is_authentication(name: &str) -> bool {
    words(name).iter().any(|w| {
        matches!(
            w.as_str(),
            "auth"
                | "authenticate"
                | "authenticated"
                | "authentication"
                | "authorize"
                | "authorise"
                | "authorized"
                | "authorised"
                | "authorization"
                | "login"
                | "logon"
                | "signin"
                | "credential"
                | "credentials"
                | "verifypassword"
                | "checkpassword"
                | "checkpass"
                | "privileged"
                | "admin"
        )
    })
}

fn pair(words: &[String], first: &[&str], second: &str) -> bool {
    words.windows(2).any(|w| first.contains(&w[0].as_str()) && w[1] == second)
}

fn about(words: &[String]) -> bool {
    words.iter().any(|w| ABOUT.contains(&w.as_str()))
}

/// The lower-cased name has one of the fragments.
pub(crate) fn mentions(name: &str, fragments: &[&str]) -> bool {
    let lower = name.to_ascii_lowercase();
    fragments.iter().any(|f| lower.contains(f))
}

#[cfg(test)]
mod tests {
    use super::{is_authentication, is_password, is_secret, must_be_random, words};

    #[test]
    fn words_of_every_style() {
        assert_eq!(words("authUserPassword"), ["auth", "user", "password"]);
        assert_eq!(words("AUTH_PASSWORD"), ["auth", "password"]);
        assert_eq!(words("userPasswd2"), ["user", "passwd2"]);
    }

    #[test]
    fn passwords_and_things_about_them() {
        assert!(is_password("db_password"));
        assert!(is_password("userpasswd"));
        assert!(!is_password("password_len"));
        assert!(!is_password("bypass"));
        assert!(!is_password("compass"));
        assert!(is_secret("session_key"));
        assert!(!is_secret("key"));
        assert!(!is_secret("public_key_id"));
    }

    #[test]
    fn purposes() {
        assert!(must_be_random("nonce"));
        assert!(!must_be_random("monkey"));
        assert!(is_authentication("check_login"));
        assert!(!is_authentication("author"));
    }
}
