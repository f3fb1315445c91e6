use crate::Rule;
use banbury_base::{PathStep, Symbol};
use banbury_dataflow::models::FnModel;
use banbury_dataflow::observe::{CallEvent, Context, Issue};
use banbury_ir::{Base, Index, Operand, Place, Proj, Rvalue};

use crate::shape::{Shape, Source};

pub const RULE: Rule = Rule {
    id: "uncontrolled-search-path",
    version: 1,
    title: "Program or library looked up in a search path",
    cwe: &[426, 427],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};

#[derive(Clone, Copy)]
enum Lookup {
    /// A shell command line.
    Command,
    /// A file name that is looked up in `PATH`.
    Program,
    /// `NAME=value`
    Assignment,
    /// Name and value in the first two arguments.
    Pair,
}

fn lookup(name: &str) -> Option<Lookup> {
    Some(match name {
        "system" | "popen" | "_popen" | "_wsystem" | "_wpopen" | "wordexp" => Lookup::Command,
        "execlp" | "execvp" | "execvpe" | "posix_spawnp" | "_execlp" | "_execvp" => Lookup::Program,
        "putenv" | "_putenv" | "_wputenv" => Lookup::Assignment,
        "setenv" => Lookup::Pair,
        _ => return None,
    })
}

const SEARCHED: &[&str] = &["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "IFS", "PYTHONPATH", "PERL5LIB"];

/// Commands that the shell does itself.
const BUILTIN: &[&str] = &["echo", "cd", "exit", "export", "set", "test", "[", ":", "true", "false", "exec", "ulimit"];

pub(crate) fn wants(callee: Symbol, _model: Option<&FnModel>) -> bool {
    lookup(callee.as_str()).is_some()
}

pub(crate) fn call(cx: &Context<'_>, event: &CallEvent<'_>, out: &mut Vec<Issue>) {
    let Some(kind) = lookup(event.callee.as_str()) else { return };
    let mut report = |cwe: u32, message: String, steps: &[PathStep], features: Vec<(&'static str, f32)>| {
        out.push(Issue {
            rule: RULE.id,
            cwe,
            span: cx.span,
            function: cx.function.name,
            message,
            steps: steps.to_vec(),
            features,
        });
    };
    let argument = |i: usize| event.args.get(i);
    match kind {
        Lookup::Command | Lookup::Program => {
            // `posix_spawnp` has the process id first.
            let index = usize::from(event.callee == "posix_spawnp");
            let Some(text) = argument(index).and_then(|a| a.string) else { return };
            let Some(first) = searched(text.as_str()) else { return };
            let message = format!("'{}' looks \"{first}\" up in the search path", event.callee);
            report(426, message, &[], Vec::new());
        }
        Lookup::Assignment | Lookup::Pair => {
            let Some(first) = argument(0) else { return };
            let name = first.string.map(|s| s.as_str().split('=').next().unwrap_or_default().to_owned());
            if name.as_deref().is_some_and(|n| !SEARCHED.contains(&n)) {
                return;
            }
            let value = if matches!(kind, Lookup::Pair) { argument(1) } else { Some(first) };
            let Some((value, taint)) = value.and_then(|v| Some((v, v.taint?))) else { return };
            let shown = name.unwrap_or_else(|| "an environment variable".to_owned());
            let message = format!("'{}' sets {shown} from untrusted input", event.callee);
            report(427, message, &value.taint_steps, vec![(crate::features::taint(taint), 1.0)]);
        }
    }
}

/// A command that one call copies into a buffer of this function from a literal.
pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        if !matches!(lookup(call.callee.as_str()), Some(Lookup::Command)) {
            continue;
        }
        let Some(text) = call.args.first().and_then(|a| copied(shape, a)) else { continue };
        if let Some(first) = searched(text.as_str()) {
            let message = format!("'{}' looks \"{first}\" up in the search path", call.callee);
            out.push(shape.issue(RULE.id, 426, call.span, message));
        }
    }
}

/// The only text that is copied into the buffer the argument points to.
fn copied(shape: &Shape<'_>, argument: &Operand) -> Option<Symbol> {
    let buffer = buffer(shape, argument)?;
    let mut found = None;
    for call in &shape.calls {
        let writes = call.args.first().and_then(|a| self::buffer(shape, a)).as_ref() == Some(&buffer);
        let copies = matches!(call.callee.as_str(), "strcpy" | "strncpy" | "wcscpy" | "strlcpy");
        let reads = lookup(call.callee.as_str()).is_some();
        if !writes || reads {
            continue;
        }
        if !copies || found.is_some() {
            return None;
        }
        found = Some(shape.literal(call.args.get(1)?)?);
    }
    found
}

/// The local array that a pointer is for certain derived from.
fn buffer(shape: &Shape<'_>, argument: &Operand) -> Option<Place> {
    match shape.origin(argument) {
        Source::Value(Rvalue::AddrOf(place)) => match (place.base, &place.proj[..]) {
            (Base::Local(id), [] | [Proj::Elem(Index::Const(0))]) => Some(Place::local(id)),
            _ => None,
        },
        Source::Place(place) => place.as_local().map(Place::local),
        _ => None,
    }
}

/// The command's name, if the shell looks it up.
fn searched(command: &str) -> Option<&str> {
    let first = command.split_whitespace().next().unwrap_or_default();
    let bare = !first.is_empty() && !first.contains(['/', '\\', '$', '%']) && !BUILTIN.contains(&first);
    bare.then_some(first)
}
