//! Reading model files.

use std::sync::OnceLock;

use banbury_base::Symbol;
use rustc_hash::FxHashSet;
use serde::Deserialize;

use super::language::{self, EffectError, Params};
use super::{FnModel, Models};

/// Bytes of a `wchar_t` on the targets Banbury knows (the psABIs of Linux and the BSDs).
const WIDE: u32 = 4;

/// The model files that come with Banbury.
const BUILTIN: &[(&str, &str)] = &[
    ("apr.toml", include_str!("../../../../models/apr.toml")),
    ("asn1c.toml", include_str!("../../../../models/asn1c.toml")),
    ("compiler-builtins.toml", include_str!("../../../../models/compiler-builtins.toml")),
    ("compression.toml", include_str!("../../../../models/compression.toml")),
    ("cxx.toml", include_str!("../../../../models/cxx.toml")),
    ("databases.toml", include_str!("../../../../models/databases.toml")),
    ("dpdk.toml", include_str!("../../../../models/dpdk.toml")),
    ("freediameter.toml", include_str!("../../../../models/freediameter.toml")),
    ("glib.toml", include_str!("../../../../models/glib.toml")),
    ("gnutls.toml", include_str!("../../../../models/gnutls.toml")),
    ("http.toml", include_str!("../../../../models/http.toml")),
    ("json.toml", include_str!("../../../../models/json.toml")),
    ("ldap.toml", include_str!("../../../../models/ldap.toml")),
    ("libc-math.toml", include_str!("../../../../models/libc-math.toml")),
    ("libc-memory.toml", include_str!("../../../../models/libc-memory.toml")),
    ("libc-stdio.toml", include_str!("../../../../models/libc-stdio.toml")),
    ("libc-stdlib.toml", include_str!("../../../../models/libc-stdlib.toml")),
    ("libc-string.toml", include_str!("../../../../models/libc-string.toml")),
    ("libevent.toml", include_str!("../../../../models/libevent.toml")),
    ("libgcrypt.toml", include_str!("../../../../models/libgcrypt.toml")),
    ("libosmocore.toml", include_str!("../../../../models/libosmocore.toml")),
    ("libpcap.toml", include_str!("../../../../models/libpcap.toml")),
    ("linux-kernel.toml", include_str!("../../../../models/linux-kernel.toml")),
    ("mbedtls.toml", include_str!("../../../../models/mbedtls.toml")),
    ("net-snmp.toml", include_str!("../../../../models/net-snmp.toml")),
    ("openssl.toml", include_str!("../../../../models/openssl.toml")),
    ("posix-files.toml", include_str!("../../../../models/posix-files.toml")),
    ("posix-processes.toml", include_str!("../../../../models/posix-processes.toml")),
    ("posix-sockets.toml", include_str!("../../../../models/posix-sockets.toml")),
    ("sctp.toml", include_str!("../../../../models/sctp.toml")),
    ("talloc.toml", include_str!("../../../../models/talloc.toml")),
    ("xml.toml", include_str!("../../../../models/xml.toml")),
];

/// Why a model file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error("{file}: {message}")]
    Syntax { file: String, message: String },
    #[error("{file}: function {function}: {reason}")]
    Function { file: String, function: String, reason: FunctionError },
    #[error("{file}: function {function}: effect `{effect}`: {reason}")]
    Effect { file: String, function: String, effect: String, reason: EffectError },
}

/// What is wrong with a function's entry apart from its effects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    #[error("an entry needs at least one name")]
    NoName,
    #[error("this is no function name")]
    BadName,
    #[error("`{0}` is no parameter name, is used twice, or means something else in an effect")]
    BadParameter(String),
    #[error("too many parameters")]
    TooManyParameters,
    #[error("it is already in this file")]
    Twice,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    library: Library,
    #[serde(default, rename = "received-types")]
    received_types: Vec<String>,
    #[serde(default, rename = "kernel-types")]
    kernel_types: Vec<String>,
    #[serde(default)]
    function: Vec<Entry>,
}

/// Where the facts are from: there for the reader of the file, required so that it is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Library {
    #[expect(dead_code, reason = "for readers")]
    name: String,
    #[expect(dead_code, reason = "for readers")]
    source: String,
    /// C++ declares the functions there too.
    namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    names: Vec<String>,
    /// The `wchar_t` twins: sizes count wide characters.
    #[serde(default)]
    wide: Vec<String>,
    params: Vec<String>,
    #[serde(default)]
    effects: Vec<String>,
}

impl Models {
    /// The models that come with Banbury, read on first use.
    pub fn builtin() -> &'static Models {
        static MODELS: OnceLock<Models> = OnceLock::new();
        MODELS.get_or_init(|| {
            let mut models = Models::default();
            for (file, text) in BUILTIN {
                let read = models.add_toml(file, text);
                // A test reads every file, so this cannot be seen in a released program.
                debug_assert!(read.is_ok(), "{read:?}");
            }
            models
        })
    }

    /// Adds the models of a file; `file` is its name, for messages. A function that is known
    /// already gets the new model instead. On an error nothing is added.
    pub fn add_toml(&mut self, file: &str, text: &str) -> Result<(), ModelError> {
        let parsed: File = toml::from_str(text)
            .map_err(|e| ModelError::Syntax { file: file.to_owned(), message: e.to_string() })?;
        let mut seen = FxHashSet::default();
        let mut added = Vec::new();
        for entry in &parsed.function {
            entry.models(file, &mut seen, &mut added)?;
        }
        if let Some(namespace) = &parsed.library.namespace {
            if !language::is_identifier(namespace) {
                let message = format!("`{namespace}` is no namespace");
                return Err(ModelError::Syntax { file: file.to_owned(), message });
            }
            qualify(namespace, &mut added);
        }
        self.functions.extend(added.into_iter().map(|model| (model.name, model)));
        self.received_types.extend(parsed.received_types.iter().map(|name| Symbol::new(name)));
        self.kernel_types.extend(parsed.kernel_types.iter().map(|name| Symbol::new(name)));
        Ok(())
    }
}

impl Entry {
    fn models(
        &self,
        file: &str,
        seen: &mut FxHashSet<Symbol>,
        added: &mut Vec<FnModel>,
    ) -> Result<(), ModelError> {
        let first = self.names.iter().chain(&self.wide).next();
        let fail = |function: &str, reason| ModelError::Function {
            file: file.to_owned(),
            function: function.to_owned(),
            reason,
        };
        let Some(first) = first else {
            return Err(fail(&format!("({})", self.params.join(", ")), FunctionError::NoName));
        };
        let list: Vec<&str> = self.params.iter().map(String::as_str).collect();
        let params =
            Params::new(&list).map_err(|p| fail(first, FunctionError::BadParameter(p.to_owned())))?;
        let fixed = params.fixed().ok_or_else(|| fail(first, FunctionError::TooManyParameters))?;

        let bad_effect = |effect: &str, reason| ModelError::Effect {
            file: file.to_owned(),
            function: first.clone(),
            effect: effect.to_owned(),
            reason,
        };
        let (mut narrow, mut wide) = (Vec::new(), Vec::new());
        for text in &self.effects {
            let effects = language::parse(text, &params).map_err(|e| bad_effect(text, e))?;
            if !self.wide.is_empty() {
                for effect in &effects {
                    wide.push(language::widen(effect, WIDE).map_err(|e| bad_effect(text, e))?);
                }
            }
            narrow.extend(effects);
        }
        let groups = [(&self.names, narrow), (&self.wide, wide)];
        for (names, effects) in groups {
            for name in names {
                if !is_function_name(name) {
                    return Err(fail(name, FunctionError::BadName));
                }
                let symbol = Symbol::new(name);
                if !seen.insert(symbol) {
                    return Err(fail(name, FunctionError::Twice));
                }
                added.push(FnModel { name: symbol, params: fixed, effects: effects.clone() });
            }
        }
        Ok(())
    }
}

/// Adds the C++ twins of C functions; names of the implementation (`__builtin_...`) have none.
fn qualify(namespace: &str, models: &mut Vec<FnModel>) {
    let twins: Vec<FnModel> = models
        .iter()
        .filter(|model| !model.name.as_str().starts_with("__"))
        .map(|model| FnModel { name: Symbol::new(&format!("{namespace}::{}", model.name)), ..model.clone() })
        .collect();
    models.extend(twins);
}

/// A C name, a qualified C++ name (`std::string::c_str`) or an `operator`.
fn is_function_name(name: &str) -> bool {
    let (scope, last) = match name.find("operator ") {
        Some(at) => (&name[..at], &name[at + "operator ".len()..]),
        None => ("", name),
    };
    let operator = matches!(last, "new" | "new[]" | "delete" | "delete[]");
    let scopes = scope.strip_suffix("::");
    match (operator, scopes) {
        (true, None) => scope.is_empty(),
        (true, Some(scopes)) => scopes.split("::").all(language::is_identifier),
        (false, _) => {
            let good = |part: &str| {
                part == "operator[]" || language::is_identifier(part.strip_prefix('~').unwrap_or(part))
            };
            name.split("::").all(good)
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
