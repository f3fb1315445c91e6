use crate::Rule;
use banbury_base::{Span, Symbol};
use banbury_dataflow::observe::{CallEvent, Context, Issue};
use banbury_ir::{Const, Init, Op, Program, Rvalue};

use crate::names;
use crate::shape::Shape;

pub const RULE: Rule = Rule {
    id: "hard-coded-credential",
    version: 1,
    title: "Password or key in the program text",
    cwe: &[259, 798, 321],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};

/// Where a library function takes a password or a key: function, argument, what it is.
const ARGUMENTS: &[(&str, usize, &str)] = &[
    ("EVP_EncryptInit_ex", 3, "key"),
    ("EVP_DecryptInit_ex", 3, "key"),
    ("EVP_CipherInit_ex", 3, "key"),
    ("EVP_EncryptInit", 2, "key"),
    ("EVP_DecryptInit", 2, "key"),
    ("AES_set_encrypt_key", 0, "key"),
    ("AES_set_decrypt_key", 0, "key"),
    ("DES_set_key", 0, "key"),
    ("DES_set_key_unchecked", 0, "key"),
    ("HMAC", 1, "key"),
    ("HMAC_Init_ex", 1, "key"),
    ("mbedtls_aes_setkey_enc", 1, "key"),
    ("mbedtls_aes_setkey_dec", 1, "key"),
    ("mbedtls_md_hmac_starts", 1, "key"),
    ("gcry_cipher_setkey", 1, "key"),
    ("PKCS5_PBKDF2_HMAC", 0, "password"),
    ("PKCS5_PBKDF2_HMAC_SHA1", 0, "password"),
    ("mysql_real_connect", 3, "password"),
    ("PQsetdbLogin", 6, "password"),
    ("ldap_simple_bind_s", 2, "password"),
    ("ldap_simple_bind", 2, "password"),
    ("ldap_bind_s", 2, "password"),
    ("redisAuth", 1, "password"),
    ("ssh_userauth_password", 2, "password"),
    ("libssh2_userauth_password_ex", 3, "password"),
    ("mosquitto_username_pw_set", 2, "password"),
    ("LogonUserA", 2, "password"),
    ("LogonUserW", 2, "password"),
    ("PKCS12_parse", 1, "password"),
];

fn argument(callee: Symbol) -> Option<(usize, &'static str)> {
    ARGUMENTS.iter().find(|(name, ..)| callee == *name).map(|(_, index, what)| (*index, *what))
}

pub(crate) fn wants(callee: Symbol) -> bool {
    argument(callee).is_some()
}

pub(crate) fn call(cx: &Context<'_>, event: &CallEvent<'_>, out: &mut Vec<Issue>) {
    let Some((index, what)) = argument(event.callee) else { return };
    let Some(text) = event.args.get(index).and_then(|a| a.string) else { return };
    if text.is_empty() {
        return;
    }
    out.push(Issue {
        rule: RULE.id,
        cwe: if what == "key" { 321 } else { 259 },
        span: cx.span,
        function: cx.function.name,
        message: format!("the {what} of '{}' is a constant of {} bytes", event.callee, text.as_str().len()),
        steps: Vec::new(),
        features: vec![("certain", 1.0)],
    });
}

/// Text that can be a password: not a label, a format or a place.
pub(crate) fn can_be_secret(text: &str) -> bool {
    let label = names::is_password(text) || names::is_secret(text);
    text.len() >= 3
        && !label
        && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'%' | b'<' | b'>' | b'/' | b':' | b'='))
        && text.bytes().any(|b| b.is_ascii_alphanumeric())
        && !matches!(text.to_ascii_lowercase().as_str(), "null" | "none" | "(null)" | "n/a" | "default" | "yes")
}

fn report(shape: &Shape<'_>, span: Span, name: Symbol, text: Symbol, out: &mut Vec<Issue>) {
    let length = text.as_str().len();
    let message = format!("'{name}' is set to a constant of {length} characters in the program text");
    out.push(shape.issue(RULE.id, 798, span, message));
}

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for (_, instr) in shape.instrs() {
        let Op::Assign { dst, src: Rvalue::Use(value) | Rvalue::Cast(_, value) } = &instr.op else { continue };
        let name = shape.place_name(dst);
        if name.is_empty() || !names::is_password(name.as_str()) {
            continue;
        }
        if let Some(text) = shape.literal(value).filter(|t| can_be_secret(t.as_str())) {
            report(shape, instr.span, name, text, out);
        }
    }
    for call in &shape.calls {
        if !matches!(call.callee.as_str(), "strcpy" | "strncpy" | "strlcpy" | "memcpy" | "strdup") {
            continue;
        }
        let [target, source, ..] = call.args else { continue };
        let name = shape.last_name(target);
        if !names::is_password(name.as_str()) {
            continue;
        }
        if let Some(text) = shape.literal(source).filter(|t| can_be_secret(t.as_str())) {
            report(shape, call.span, name, text, out);
        }
    }
}

/// Variables with static storage.
pub(crate) fn program(program: &Program, out: &mut Vec<Issue>) {
    for global in &program.globals {
        if !names::is_password(global.name.as_str()) {
            continue;
        }
        let Init::Const(Const::Str { text, .. }) = &global.init else { continue };
        if !can_be_secret(text.as_str()) {
            continue;
        }
        let length = text.as_str().len();
        out.push(Issue {
            rule: RULE.id,
            cwe: 798,
            span: global.span,
            function: Symbol::EMPTY,
            message: format!("'{}' is a constant of {length} characters in the program text", global.name),
            steps: Vec::new(),
            features: Vec::new(),
        });
    }
}
