use crate::Rule;
use banbury_dataflow::observe::Issue;
use crate::shape::{Shape};

pub const RULE: Rule = Rule {
    id: "weak-cryptography",
    version: 1,
    title: "Broken or weak cryptographic algorithm",
    cwe: &[327, 328],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};

struct Weak {
    algorithm: &'static str,
    why: &'static str,
    cwe: u32,
    feature: &'static str,
}

const BROKEN_HASH: Weak =
    Weak { algorithm: "MD5", why: "collisions are found in seconds", cwe: 328, feature: "weak.hash" };

/// What a function of a cryptographic library stands for; one function per use of it.
fn weakness(name: &str) -> Option<Weak> {
    let weak = |algorithm, why, cwe, feature| Some(Weak { algorithm, why, cwe, feature });
    let small = "keys of 56 bits are found by search";
    let lower = name.to_ascii_lowercase();
    let plain = ["mbedtls_", "wc_", "nettle_", "gnutls_", "evp_", "_"]
        .iter()
        .fold(lower.as_str(), |text, prefix| text.strip_prefix(prefix).unwrap_or(text));
    match plain {
        "md5" | "md5_init" | "initmd5" | "md5_starts" | "md5_starts_ret" | "md5init" => Some(BROKEN_HASH),
        "md4" | "md4_init" | "md2" | "md2_init" => {
            weak("MD4", "preimages and collisions are practical", 328, "weak.cipher")
        }
        "sha1" if lower != plain || name == "SHA1" => weak("SHA-1", "collisions are practical", 328, "weak.sha1"),
        "sha1_init" | "sha1_starts" | "sha1_starts_ret" | "initsha" => {
            weak("SHA-1", "collisions are practical", 328, "weak.sha1")
        }
        "rc4" | "rc4_set_key" | "arc4_setup" | "arc4setkey" | "rc4_40" => {
            weak("RC4", "its key stream is biased", 327, "weak.cipher")
        }
        "des_set_key" | "des_set_key_checked" | "des_set_key_unchecked" | "des_key_sched" | "des_setkey_enc"
        | "des_setkey_dec" | "des_setkey" => weak("DES", small, 327, "weak.cipher"),
        _ if lower.starts_with("evp_des_ede") => {
            weak("triple DES", "blocks of 64 bits repeat after some gigabytes", 327, "weak.legacy-cipher")
        }
        _ if lower.starts_with("evp_des_") => weak("DES", small, 327, "weak.cipher"),
        _ if lower.starts_with("evp_rc2") || lower.starts_with("evp_rc4") => {
            weak("RC4 or RC2", "it is broken", 327, "weak.cipher")
        }
        _ if lower.starts_with("evp_aes_") && lower.ends_with("_ecb") => {
            weak("AES in ECB mode", "equal blocks of plain text stay visible", 327, "weak.mode")
        }
        _ => None,
    }
}

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    // A library's own implementation calls its parts; that is not a use.
    if weakness(shape.function.name.as_str()).is_some() {
        return;
    }
    for call in &shape.calls {
        if let Some(weak) = weakness(call.callee.as_str()) {
            let message = format!("'{}' uses {}: {}", call.callee, weak.algorithm, weak.why);
            let mut issue = shape.issue(RULE.id, weak.cwe, call.span, message);
            issue.features.push((weak.feature, 1.0));
            out.push(issue);
        }
    }
}
