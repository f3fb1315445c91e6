//! Lines of settings, scripts and build files.

use crate::features::{Features, Reading};
use crate::lex::{Text, Token};

impl Reading<'_> {
    pub(super) fn suspect_setting(&self, text: &Text<'_>, tokens: &[Token], out: &mut Features) {
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
