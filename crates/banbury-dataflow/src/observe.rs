//! What rules see of the analysis: calls, branches and whole functions with the abstract state
//! at hand. Memory safety itself is checked by the interpreter, which reports [`Issue`]s.

use banbury_base::{PathStep, Span, Symbol};
use banbury_ir::{FuncId, Function, Program, TypeId};

use crate::models::{FnModel, Models, SourceKind};

/// A defect before it is weighed.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// Rule id, e.g. `tainted-index`.
    pub rule: &'static str,
    pub cwe: u32,
    pub span: Span,
    pub function: Symbol,
    pub message: String,
    /// From source to just before the sink; the sink itself is `span` with `message`.
    pub steps: Vec<PathStep>,
    /// Reasons for and against, by name, e.g. ("taint.network", 1.0).
    pub features: Vec<(&'static str, f32)>,
}

/// Read-only context of an event.
pub struct Context<'a> {
    pub program: &'a Program,
    pub models: &'a Models,
    pub func: FuncId,
    pub function: &'a Function,
    pub span: Span,
    pub in_macro: Symbol,
}

/// What is known of a value at an event.
#[derive(Clone, Debug, Default)]
pub struct ValueView {
    /// Smallest and largest possible value (the type's range where nothing is known).
    pub min: i128,
    pub max: i128,
    /// Some when the value is one certain number.
    pub constant: Option<i128>,
    /// Contents of the string literal the value points to (at offset 0).
    pub string: Option<Symbol>,
    /// Name of the function whose address it is.
    pub function: Option<Symbol>,
    /// Where untrusted contents come from, of the value or of what it points to.
    pub taint: Option<SourceKind>,
    pub taint_steps: Vec<PathStep>,
    /// A comparison bounded the untrusted value from above.
    pub bounded: bool,
    /// Bytes of the object the value points to, where known.
    pub object_bytes: Option<i128>,
    /// Name of the variable or field it was read from (for messages and name-based rules).
    pub name: Symbol,
    pub ty: Option<TypeId>,
}

/// A call, once for every abstract state that gets there.
pub struct CallEvent<'a> {
    pub callee: Symbol,
    pub model: Option<&'a FnModel>,
    pub args: &'a [ValueView],
    /// The result is used somewhere afterwards.
    pub result_used: bool,
    /// The call is in a loop without a constant bound.
    pub in_loop: bool,
}

/// A condition.
pub struct BranchEvent<'a> {
    pub value: &'a ValueView,
    /// The condition is always true or always false in all states so far.
    pub always: Option<bool>,
}

/// One rule's eyes. Implementations keep no state: what they return is all they know.
pub trait Observer: Sync {
    fn call(&self, _cx: &Context<'_>, _call: &CallEvent<'_>, _out: &mut Vec<Issue>) {}
    /// The function's text and graph, once.
    fn function(&self, _cx: &Context<'_>, _out: &mut Vec<Issue>) {}
    /// The whole release, once.
    fn program(&self, _program: &Program, _models: &Models, _out: &mut Vec<Issue>) {}
    /// Whether `call` is wanted for this callee (asked once per call site).
    fn wants(&self, _callee: Symbol, _model: Option<&FnModel>) -> bool {
        false
    }
}
