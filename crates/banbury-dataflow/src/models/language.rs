//! The effect language: `write dst n*4` and so on. `docs/models.md` is its reference.

use banbury_base::Symbol;

use super::{Effect, Failure, SinkKind, Size, Slot, SourceKind};

/// Why an effect could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EffectError {
    #[error("the effect is empty")]
    Empty,
    #[error("unknown effect `{0}`")]
    UnknownEffect(String),
    #[error("`{0}` is not a parameter")]
    UnknownParameter(String),
    #[error("`{0}` is not a place; a place is a parameter, `*parameter`, `return`, `...` or `*...`")]
    BadSlot(String),
    #[error("`...` is used, but the function has no `...` parameter")]
    NotVariadic,
    #[error("`{0}` is not a size; a size is e.g. `n`, `n*4`, `4*n+1`, `n*size`, `strlen(s)+1`, `unbounded`")]
    BadSize(String),
    #[error("`{0}` is not a number in range")]
    BadNumber(String),
    #[error("`{word}` is not one of: {expected}")]
    BadWord { word: String, expected: &'static str },
    #[error("`{0}` is not a name: letters, digits and `_ . : - [ ]`")]
    BadName(String),
    #[error("missing {0}")]
    Missing(&'static str),
    #[error("`{0}` is too much")]
    Extra(String),
    #[error("lower bound {0} is above upper bound {1}")]
    EmptyRange(i64, i64),
    #[error("the product of two parameters has no wide form")]
    WideProduct,
}

/// The parameter names that effects refer to.
#[derive(Clone, Debug)]
pub(super) struct Params<'a> {
    names: Vec<&'a str>,
    variadic: bool,
}

impl<'a> Params<'a> {
    /// Splits off a final `...`. Gives the offending name where one is no name, is used twice
    /// or would be read as something else in an effect.
    pub(super) fn new(list: &[&'a str]) -> Result<Params<'a>, &'a str> {
        let (names, variadic) = match list.split_last() {
            Some((&"...", fixed)) => (fixed, true),
            _ => (list, false),
        };
        for (index, name) in names.iter().enumerate() {
            let reserved = matches!(*name, "return" | "strlen" | "unbounded" | "unknown" | "null");
            if !is_identifier(name) || reserved || names[..index].contains(name) {
                return Err(name);
            }
        }
        Ok(Params { names: names.to_vec(), variadic })
    }

    /// Number of fixed parameters; `None` if there are more than a model can number.
    pub(super) fn fixed(&self) -> Option<u8> {
        u8::try_from(self.names.len()).ok().filter(|&n| n < u8::MAX)
    }

    fn position(&self, name: &str) -> Result<u8, EffectError> {
        self.names
            .iter()
            .position(|n| *n == name)
            .and_then(|i| u8::try_from(i).ok())
            .ok_or_else(|| EffectError::UnknownParameter(name.to_owned()))
    }
}

pub(super) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The words of an effect that have not been read yet.
struct Words<'a, 'p> {
    rest: std::str::SplitWhitespace<'a>,
    params: &'p Params<'p>,
}

/// Reads one effect. `nonnull a b` and the like stand for several, hence the list.
pub(super) fn parse(text: &str, params: &Params<'_>) -> Result<Vec<Effect>, EffectError> {
    let mut words = Words { rest: text.split_whitespace(), params };
    let verb = words.rest.next().ok_or(EffectError::Empty)?;
    let effects = words.effects(verb)?;
    match words.rest.next() {
        Some(extra) => Err(EffectError::Extra(extra.to_owned())),
        None => Ok(effects),
    }
}

impl<'a> Words<'a, '_> {
    fn effects(&mut self, verb: &str) -> Result<Vec<Effect>, EffectError> {
        match verb {
            "nonnull" => self.each(Effect::NonNull),
            "takes" => self.each(Effect::TakesOwnership),
            "wipe" => self.each(Effect::Wipe),
            _ => Ok(vec![self.effect(verb)?]),
        }
    }

    fn effect(&mut self, verb: &str) -> Result<Effect, EffectError> {
        Ok(match verb {
            "read" => Effect::Read(self.slot()?, self.size()?),
            "write" => Effect::Write(self.slot()?, self.size()?),
            "copy" => Effect::Copy(self.slot()?, self.slot()?, self.size()?),
            "append" => Effect::Append(self.slot()?, self.slot()?, self.size()?),
            "fill" => Effect::Fill(self.slot()?, self.param()?, self.size()?),
            "taint" => Effect::Taint(self.slot()?, self.source()?),
            "derive" => Effect::Derive(self.slot()?, self.slot()?),
            "same" => Effect::Same(self.param()?),
            "inside" => Effect::Inside(self.param()?, self.flag("null")?),
            "length" => Effect::StringLength(self.param()?),
            "allocate" => self.allocate()?,
            "release" => Effect::Release { arg: self.param()?, family: self.name("a family")? },
            "open" => {
                Effect::Open { slot: self.slot()?, family: self.name("a family")?, failure: self.failure()? }
            }
            "range" => self.range()?,
            "at-most" => Effect::AtMost(self.number()?, self.param()?),
            "may-return-null" => Effect::MayReturnNull,
            "may-be-null" => Effect::MayBeNull(self.slot()?),
            "noreturn" => Effect::NoReturn,
            "assert" => Effect::Assert(self.param()?),
            "assert-not" => Effect::AssertNot(self.param()?),
            "abort" => Effect::Abort,
            "sink" => Effect::Sink(self.slot()?, self.sink()?),
            "format" => Effect::FormatString { format: self.param()?, first: self.variadic()? },
            "scan" => Effect::ScanString { format: self.param()?, first: self.variadic()? },
            "check-return" => Effect::CheckReturn(self.failure()?),
            "fails" => Effect::Fails(self.failure()?),
            "sanitize" => Effect::Sanitize(self.slot()?, self.sink()?),
            "dangerous" => Effect::Dangerous(self.cwe()?, self.name("a reason")?),
            "lock" => Effect::Lock(self.param()?),
            "unlock" => Effect::Unlock(self.param()?),
            "callback" => Effect::Callback(self.param()?, self.param()?),
            "feeds" => {
                Effect::Feeds { function: self.param()?, slot: self.numbered_slot()?, source: self.source()? }
            }
            "tag" => Effect::Tag(self.name("a tag")?),
            "mark" => Effect::Mark(self.slot()?, self.name("a mark")?),
            _ => return Err(EffectError::UnknownEffect(verb.to_owned())),
        })
    }

    fn word(&mut self, what: &'static str) -> Result<&'a str, EffectError> {
        self.rest.next().ok_or(EffectError::Missing(what))
    }

    fn param(&mut self) -> Result<u8, EffectError> {
        let word = self.word("a parameter")?;
        self.params.position(word)
    }

    fn each(&mut self, make: fn(u8) -> Effect) -> Result<Vec<Effect>, EffectError> {
        let mut effects = vec![make(self.param()?)];
        for word in self.rest.by_ref() {
            effects.push(make(self.params.position(word)?));
        }
        Ok(effects)
    }

    fn slot(&mut self) -> Result<Slot, EffectError> {
        let word = self.word("a place")?;
        match word {
            "return" => Ok(Slot::Return),
            "..." | "*..." if !self.params.variadic => Err(EffectError::NotVariadic),
            "..." => Ok(Slot::Rest),
            "*..." => Ok(Slot::RestPointee),
            _ => {
                let (name, pointee) = match word.strip_prefix('*') {
                    Some(name) => (name, true),
                    None => (word, false),
                };
                if !is_identifier(name) {
                    return Err(EffectError::BadSlot(word.to_owned()));
                }
                let arg = self.params.position(name)?;
                Ok(if pointee { Slot::Pointee(arg) } else { Slot::Arg(arg) })
            }
        }
    }

    /// A parameter of a function whose parameters have no names here: `3`, `*3`.
    fn numbered_slot(&mut self) -> Result<Slot, EffectError> {
        let word = self.word("a place")?;
        let (number, pointee) = match word.strip_prefix('*') {
            Some(number) => (number, true),
            None => (word, false),
        };
        let number = number.parse().map_err(|_| EffectError::BadNumber(word.to_owned()))?;
        Ok(if pointee { Slot::Pointee(number) } else { Slot::Arg(number) })
    }

    fn size(&mut self) -> Result<Size, EffectError> {
        let word = self.word("a size")?;
        parse_size(word, self.params)
    }

    fn allocate(&mut self) -> Result<Effect, EffectError> {
        let slot = self.slot()?;
        let size = self.size()?;
        let family = self.name("a family")?;
        let (mut zeroed, mut may_fail) = (false, true);
        for word in self.rest.by_ref() {
            match word {
                "zeroed" => zeroed = true,
                "never-null" => may_fail = false,
                _ => return Err(bad_word(word, "zeroed, never-null")),
            }
        }
        Ok(Effect::Allocate { slot, size, family, zeroed, may_fail })
    }

    fn range(&mut self) -> Result<Effect, EffectError> {
        let (low, high) = (self.number()?, self.number()?);
        if low > high {
            return Err(EffectError::EmptyRange(low, high));
        }
        Ok(Effect::Range(low, high))
    }

    fn flag(&mut self, expected: &'static str) -> Result<bool, EffectError> {
        match self.rest.next() {
            None => Ok(false),
            Some(word) if word == expected => Ok(true),
            Some(word) => Err(bad_word(word, expected)),
        }
    }

    /// `...` after a format: the values follow there. Nothing: they are in a `va_list`, which is
    /// written as position 0, where no value can be because the format comes first.
    fn variadic(&mut self) -> Result<u8, EffectError> {
        match self.rest.next() {
            None => Ok(0),
            Some("...") if self.params.variadic => {
                self.params.fixed().ok_or(EffectError::BadNumber("...".to_owned()))
            }
            Some("...") => Err(EffectError::NotVariadic),
            Some(word) => Err(bad_word(word, "...")),
        }
    }

    fn number(&mut self) -> Result<i64, EffectError> {
        let word = self.word("a number")?;
        word.parse().map_err(|_| EffectError::BadNumber(word.to_owned()))
    }

    fn cwe(&mut self) -> Result<u32, EffectError> {
        let word = self.word("a CWE number")?;
        word.parse().map_err(|_| EffectError::BadNumber(word.to_owned()))
    }

    fn name(&mut self, what: &'static str) -> Result<Symbol, EffectError> {
        let word = self.word(what)?;
        let good = |b: u8| b.is_ascii_alphanumeric() || b"_.:-[]".contains(&b);
        if !word.bytes().all(good) {
            return Err(EffectError::BadName(word.to_owned()));
        }
        Ok(Symbol::new(word))
    }

    fn failure(&mut self) -> Result<Failure, EffectError> {
        Ok(match self.word("a failure")? {
            "negative" => Failure::Negative,
            "null" => Failure::Null,
            "non-zero" => Failure::NonZero,
            "zero" => Failure::Zero,
            word => match word.parse() {
                Ok(value) => Failure::Value(value),
                Err(_) => return Err(bad_word(word, "negative, null, non-zero, zero, a number")),
            },
        })
    }

    fn source(&mut self) -> Result<SourceKind, EffectError> {
        Ok(match self.word("a source")? {
            "network" => SourceKind::Network,
            "file" => SourceKind::File,
            "environment" => SourceKind::Environment,
            "console" => SourceKind::Console,
            "ipc" => SourceKind::Ipc,
            "command-line" => SourceKind::CommandLine,
            "random" => SourceKind::Random,
            word => {
                return Err(bad_word(word, "network, file, environment, console, ipc, command-line"));
            }
        })
    }

    fn sink(&mut self) -> Result<SinkKind, EffectError> {
        Ok(match self.word("a sink")? {
            "command" => SinkKind::Command,
            "path" => SinkKind::Path,
            "format" => SinkKind::Format,
            "sql" => SinkKind::Sql,
            "ldap" => SinkKind::Ldap,
            "library" => SinkKind::Library,
            "configuration" => SinkKind::Configuration,
            "log" => SinkKind::Log,
            "loop-count" => SinkKind::LoopCount,
            "allocation-size" => SinkKind::AllocationSize,
            "resource" => SinkKind::Resource,
            word => {
                return Err(bad_word(
                    word,
                    "command, path, format, sql, ldap, library, configuration, log, loop-count, \
                     allocation-size, resource",
                ));
            }
        })
    }
}

fn bad_word(word: &str, expected: &'static str) -> EffectError {
    EffectError::BadWord { word: word.to_owned(), expected }
}

/// `unbounded`, `unknown`, or a term with an optional `+1` or `-1` at its end.
fn parse_size(text: &str, params: &Params<'_>) -> Result<Size, EffectError> {
    match text {
        "unbounded" => return Ok(Size::Unbounded),
        "unknown" => return Ok(Size::Unknown),
        _ => {}
    }
    if let Ok(bytes) = text.parse() {
        return Ok(Size::Const(bytes));
    }
    let bad = || EffectError::BadSize(text.to_owned());
    let (term, plus) = match text.rfind(['+', '-']) {
        Some(at) => (&text[..at], text[at..].parse::<i32>().map_err(|_| bad())?),
        None => (text, 0),
    };
    let (left, right) = match term.split_once('*') {
        Some((left, right)) => (left, Some(right)),
        None => (term, None),
    };
    let factor = |word: &str| word.parse::<u32>().ok();
    let (operand, scale) = match right {
        None => (left, 1),
        Some(right) => match (factor(left), factor(right)) {
            (Some(scale), None) => (right, scale),
            (None, Some(scale)) => (left, scale),
            (None, None) if plus == 0 && is_identifier(left) && is_identifier(right) => {
                return Ok(Size::Product(params.position(left)?, params.position(right)?));
            }
            _ => return Err(bad()),
        },
    };
    let string = operand.strip_prefix("strlen(").and_then(|rest| rest.strip_suffix(')'));
    let name = string.unwrap_or(operand);
    if !is_identifier(name) {
        return Err(bad());
    }
    let arg = params.position(name)?;
    Ok(match string {
        Some(_) => Size::Strlen { arg, scale, plus },
        None => Size::Arg { arg, scale, plus },
    })
}

/// The same effect of the `wchar_t` twin of a function: its sizes count wide characters.
pub(super) fn widen(effect: &Effect, width: u32) -> Result<Effect, EffectError> {
    let mut wide = effect.clone();
    match &mut wide {
        Effect::Read(_, size)
        | Effect::Write(_, size)
        | Effect::Copy(_, _, size)
        | Effect::Append(_, _, size)
        | Effect::Fill(_, _, size)
        | Effect::Allocate { size, .. } => *size = widen_size(size, width)?,
        _ => {}
    }
    Ok(wide)
}

fn widen_size(size: &Size, width: u32) -> Result<Size, EffectError> {
    let too_large = || EffectError::BadSize(format!("{size:?}"));
    let plus_of = |plus: i32| plus.checked_mul(width as i32).ok_or_else(too_large);
    let scale_of = |scale: u32| scale.checked_mul(width).ok_or_else(too_large);
    Ok(match *size {
        Size::Const(bytes) => Size::Const(bytes.checked_mul(u64::from(width)).ok_or_else(too_large)?),
        Size::Arg { arg, scale, plus } => Size::Arg { arg, scale: scale_of(scale)?, plus: plus_of(plus)? },
        Size::Strlen { arg, scale, plus } => {
            Size::Strlen { arg, scale: scale_of(scale)?, plus: plus_of(plus)? }
        }
        Size::Product(..) => return Err(EffectError::WideProduct),
        Size::Unbounded => Size::Unbounded,
        Size::Unknown => Size::Unknown,
    })
}
