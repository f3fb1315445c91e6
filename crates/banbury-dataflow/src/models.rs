//! What library functions do, as data (`models/*.toml`).

use banbury_base::Symbol;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

mod language;
mod load;

pub use language::EffectError;
pub use load::{FunctionError, ModelError};

/// All models, by function name.
#[derive(Clone, Debug, Default)]
pub struct Models {
    pub functions: FxHashMap<Symbol, FnModel>,
    /// Struct types (by tag or typedef name) whose contents are received data.
    pub received_types: FxHashSet<Symbol>,
    /// Struct types (by tag or typedef name) that the kernel writes: what arrives in them is no
    /// peer's, whatever it is read with.
    pub kernel_types: FxHashSet<Symbol>,
}

/// What a call of one function does.
#[derive(Clone, Debug, Default)]
pub struct FnModel {
    pub name: Symbol,
    /// Number of fixed parameters.
    pub params: u8,
    pub effects: Vec<Effect>,
}

/// Where an effect applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Return,
    /// Argument by position, from 0.
    Arg(u8),
    /// What the argument points to (out parameters).
    Pointee(u8),
    /// Every variadic argument.
    Rest,
    /// What every variadic argument points to.
    RestPointee,
}

/// A number of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    Const(u64),
    /// Value of an argument, times a factor, plus a constant.
    Arg {
        arg: u8,
        scale: u32,
        plus: i32,
    },
    /// Product of two arguments.
    Product(u8, u8),
    /// Length of the string an argument points to, times a factor, plus a constant.
    Strlen {
        arg: u8,
        scale: u32,
        plus: i32,
    },
    /// As long as the input is: nothing bounds it.
    Unbounded,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SourceKind {
    Network,
    File,
    Environment,
    Console,
    Ipc,
    CommandLine,
    /// A generator of random numbers: any value may come, though nobody chooses it.
    Random,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SinkKind {
    Command,
    Path,
    Format,
    Sql,
    Ldap,
    Library,
    Configuration,
    Log,
    LoopCount,
    AllocationSize,
    /// Time to sleep, priority and the like.
    Resource,
}

/// When the call failed, as seen in its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Negative,
    Null,
    NonZero,
    Zero,
    /// `(T*)-1`, `EOF` and the like: a certain value.
    Value(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Reads so many bytes through the pointer.
    Read(Slot, Size),
    /// Writes so many bytes through the pointer.
    Write(Slot, Size),
    /// Contents (and their taint) go from the second to the first, so many bytes.
    Copy(Slot, Slot, Size),
    /// A string is appended: `strcat`, `strncat` (at most so many bytes).
    Append(Slot, Slot, Size),
    /// Sets so many bytes to the value of an argument.
    Fill(Slot, u8, Size),
    /// The slot holds untrusted bytes afterwards.
    Taint(Slot, SourceKind),
    /// The slot's value is computed from the other's contents (`atoi`, `ntohl`, `strtoul`).
    Derive(Slot, Slot),
    /// Returns the argument itself.
    Same(u8),
    /// Returns a pointer into the argument's object; null if `true` and not found.
    Inside(u8, bool),
    /// Returns the length of the string.
    StringLength(u8),
    /// Returns (or stores into an out parameter) new memory.
    Allocate {
        slot: Slot,
        size: Size,
        family: Symbol,
        zeroed: bool,
        may_fail: bool,
    },
    /// Releases memory or another resource of the family.
    Release {
        arg: u8,
        family: Symbol,
    },
    /// Opens a resource that must be closed (file, socket, directory, lock...).
    Open {
        slot: Slot,
        family: Symbol,
        failure: Failure,
    },
    /// The result lies between the bounds (inclusive).
    Range(i64, i64),
    /// The result lies between -1 (or 0, the first number) and the argument's value.
    AtMost(i64, u8),
    /// May return null for reasons the caller does not control.
    MayReturnNull,
    /// May hold null though the call succeeded (an optional element that is not there).
    MayBeNull(Slot),
    /// Must not be null.
    NonNull(u8),
    NoReturn,
    /// Stops the program if the argument is zero.
    Assert(u8),
    /// Stops the program if the argument is not zero (`BUG_ON`).
    AssertNot(u8),
    /// Stops the program abnormally (a denial of service if a peer can cause it).
    Abort,
    /// Untrusted data must not get here.
    Sink(Slot, SinkKind),
    /// Format string at this argument; the values follow at the next number.
    FormatString {
        format: u8,
        first: u8,
    },
    /// `scanf`-like: format at this argument, out parameters follow.
    ScanString {
        format: u8,
        first: u8,
    },
    /// The result must be looked at: security or correctness depends on it.
    CheckReturn(Failure),
    /// How the result shows that the call failed, so that out parameters may be unset; unlike
    /// [`Effect::CheckReturn`] nobody is asked to look.
    Fails(Failure),
    /// The pointer is kept by the callee, which will release it.
    TakesOwnership(u8),
    /// The data is clean afterwards for these sinks.
    Sanitize(Slot, SinkKind),
    /// Use is a finding in itself: (cwe, reason key for the message).
    Dangerous(u32, Symbol),
    /// Acquires or releases a lock object.
    Lock(u8),
    Unlock(u8),
    /// Ends the lifetime of secrets in the buffer (`explicit_bzero`).
    Wipe(u8),
    /// May be called with a callback: (argument that is the function, argument passed to it).
    Callback(u8, u8),
    /// The function at this argument is later called with untrusted data: the slot counts
    /// that function's own parameters.
    Feeds {
        function: u8,
        slot: Slot,
        source: SourceKind,
    },
    /// Anything a rule looks for by name, e.g. `tls-verify-mode`; arguments are at hand there.
    Tag(Symbol),
    /// The same of one argument, e.g. `crypto.key` of a function that takes a key.
    Mark(Slot, Symbol),
}

impl Models {
    pub fn get(&self, name: Symbol) -> Option<&FnModel> {
        self.functions.get(&name)
    }
}

impl FnModel {
    /// Whether the function, or one of its arguments, is of the kind that a rule looks for.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.effects.iter().any(|e| matches!(e, Effect::Tag(t) | Effect::Mark(_, t) if *t == tag))
    }

    /// A method of a container, which its first argument points to.
    pub fn is_of_container(&self) -> bool {
        self.effects
            .iter()
            .any(|e| matches!(e, Effect::Tag(t) | Effect::Mark(_, t) if t.as_str().starts_with("container.")))
    }

    /// The places marked as something, e.g. the arguments that are keys.
    pub fn marked(&self, mark: &str) -> impl Iterator<Item = Slot> {
        self.effects.iter().filter_map(move |e| match e {
            Effect::Mark(slot, name) if *name == mark => Some(*slot),
            _ => None,
        })
    }
}
