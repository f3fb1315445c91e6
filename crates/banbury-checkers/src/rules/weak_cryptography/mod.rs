use crate::Rule;
use banbury_dataflow::models::FnModel;
use banbury_dataflow::observe::Issue;

use crate::shape::Shape;

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

/// What the algorithm of a function that its model calls weak is, by the function's name.
fn weakness(model: &FnModel) -> Option<Weak> {
    let weak = |algorithm, why, cwe, feature| Some(Weak { algorithm, why, cwe, feature });
    let name = model.name.as_str().to_ascii_lowercase();
    let is = |part: &str| name.contains(part);
    if model.has_tag("crypto.weak-hash") {
        return match () {
            () if is("sha1") || is("sha_") => weak("SHA-1", "collisions are practical", 328, "weak.sha1"),
            () if is("md4") => weak("MD4", "preimages and collisions are practical", 328, "weak.cipher"),
            () if is("crypt") => {
                weak("the traditional password hash", "passwords are found by search", 328, "weak.hash")
            }
            () if is("md5") => weak("MD5", "collisions are found in seconds", 328, "weak.hash"),
            () => weak("a broken hash function", "collisions are practical", 328, "weak.hash"),
        };
    }
    if model.has_tag("crypto.weak-cipher") {
        let small = "keys of 56 bits are found by search";
        return match () {
            () if is("des3") || is("ede") => {
                weak("triple DES", "blocks of 64 bits repeat after some gigabytes", 327, "weak.legacy-cipher")
            }
            () if is("des") => weak("DES", small, 327, "weak.cipher"),
            () if is("null") => weak("no cipher at all", "the text stays readable", 327, "weak.cipher"),
            () if is("bf_") || is("blowfish") || is("cast") || is("idea") => {
                weak("an outdated cipher", "blocks of 64 bits repeat after some gigabytes", 327, "weak.legacy-cipher")
            }
            () if is("rc4") || is("arc4") => weak("RC4", "its key stream is biased", 327, "weak.cipher"),
            () => weak("an outdated cipher", "it is broken", 327, "weak.cipher"),
        };
    }
    if model.has_tag("crypto.weak-mode") {
        return weak("ECB mode", "equal blocks of plain text stay visible", 327, "weak.mode");
    }
    if model.has_tag("tls.legacy-version") {
        return weak("an outdated version of TLS", "it is open to known attacks", 327, "weak.version");
    }
    None
}

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    // A library's own implementation calls its parts; that is not a use.
    if shape.model(shape.function.name).is_some_and(|m| weakness(m).is_some()) {
        return;
    }
    let mut seen: Vec<&str> = Vec::new();
    for call in &shape.calls {
        if shape.program.by_name.contains_key(&call.callee) {
            continue;
        }
        if let Some(weak) = shape.model(call.callee).and_then(weakness) {
            // Start, update and finish are one use.
            if seen.contains(&weak.algorithm) {
                continue;
            }
            seen.push(weak.algorithm);
            let message = format!("'{}' uses {}: {}", call.callee, weak.algorithm, weak.why);
            let mut issue = shape.issue(RULE.id, weak.cwe, call.span, message);
            issue.features.push((weak.feature, 1.0));
            out.push(issue);
        }
    }
}
