use crate::Rule;
use banbury_base::{Span, Symbol};
use banbury_dataflow::models::{Effect, FnModel, Slot};
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

/// Arguments that the model marks as a key or a password, and which of the two.
fn secrets(model: Option<&FnModel>) -> impl Iterator<Item = (usize, &'static str)> {
    model.into_iter().flat_map(|m| &m.effects).filter_map(|effect| {
        let Effect::Mark(Slot::Arg(index) | Slot::Pointee(index), mark) = effect else { return None };
        match mark.as_str() {
            "crypto.key" => Some((usize::from(*index), "key")),
            "secret.password" => Some((usize::from(*index), "password")),
            _ => None,
        }
    })
}

pub(crate) fn wants(_callee: Symbol, model: Option<&FnModel>) -> bool {
    secrets(model).next().is_some()
}

pub(crate) fn call(cx: &Context<'_>, event: &CallEvent<'_>, out: &mut Vec<Issue>) {
    for (index, what) in secrets(event.model) {
        let Some(text) = event.args.get(index).and_then(|a| a.string).filter(|t| !t.is_empty()) else { continue };
        let length = text.as_str().len();
        out.push(Issue {
            rule: RULE.id,
            cwe: if what == "key" { 321 } else { 259 },
            span: cx.span,
            function: cx.function.name,
            message: format!("the {what} given to '{}' is a constant of {length} bytes", event.callee),
            steps: Vec::new(),
            features: vec![("certain", 1.0)],
        });
    }
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
