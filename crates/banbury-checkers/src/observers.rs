//! All observers of this crate behind two faces, so that what several rules need of a function
//! is computed once.

use banbury_base::Symbol;
use banbury_dataflow::models::{FnModel, Models};
use banbury_dataflow::observe::{CallEvent, Context, Issue, Observer};
use banbury_ir::Program;

use crate::rules;
use crate::shape::Shape;

/// The observers of all rules that have one.
pub fn observers() -> Vec<&'static dyn Observer> {
    vec![&Structure, &Calls]
}

type FunctionCheck = fn(&Shape<'_>, &mut Vec<Issue>);

/// Rules on the text and graph of one function.
const FUNCTION_CHECKS: &[FunctionCheck] = &[
    rules::any_address_listener::function,
    rules::assignment_in_condition::function,
    rules::auth_bypass_constant::function,
    rules::cleartext_transmission::function,
    rules::constant_condition::function,
    rules::dangerous_function::function,
    rules::divide_by_zero::function,
    rules::format_string::function,
    rules::hard_coded_credential::function,
    rules::hidden_logic::function,
    rules::infinite_loop::function,
    rules::insecure_temporary_file::function,
    rules::lock_misuse::function,
    rules::mismatched_close::function,
    rules::operation_on_closed_resource::function,
    rules::secret_in_log::function,
    rules::sizeof_confusion::function,
    rules::success_after_error::function,
    rules::tls_verification_disabled::function,
    rules::toctou::function,
    rules::unbounded_recursion::function,
    rules::unchecked_return::function,
    rules::unlimited_append::function,
    rules::uncontrolled_search_path::function,
    rules::unused_value::function,
    rules::variadic_mismatch::function,
    rules::weak_cryptography::function,
    rules::weak_randomness::function,
    rules::wrong_operator::function,
];

/// Shows each function to the rules that look at its text.
struct Structure;

impl Observer for Structure {
    fn function(&self, cx: &Context<'_>, out: &mut Vec<Issue>) {
        let shape = Shape::new(cx);
        for check in FUNCTION_CHECKS {
            check(&shape, out);
        }
    }

    fn program(&self, program: &Program, models: &Models, out: &mut Vec<Issue>) {
        rules::hard_coded_credential::program(program, out);
        crate::habits::program(program, models, out);
        crate::ownership::program(program, models, out);
    }
}

/// A rule on the values at calls: which callees it wants, and what it says of a call.
struct CallRule {
    wants: fn(Symbol, Option<&FnModel>) -> bool,
    call: fn(&Context<'_>, &CallEvent<'_>, &mut Vec<Issue>),
}

const CALL_RULES: &[CallRule] = &[
    CallRule { wants: rules::hard_coded_credential::wants, call: rules::hard_coded_credential::call },
    CallRule { wants: rules::uncontrolled_search_path::wants, call: rules::uncontrolled_search_path::call },
];

/// Shows calls with the abstract values of their arguments to the rules that look at those.
struct Calls;

impl Observer for Calls {
    fn wants(&self, callee: Symbol, model: Option<&FnModel>) -> bool {
        CALL_RULES.iter().any(|r| (r.wants)(callee, model))
    }

    fn call(&self, cx: &Context<'_>, call: &CallEvent<'_>, out: &mut Vec<Issue>) {
        for rule in CALL_RULES.iter().filter(|r| (r.wants)(call.callee, call.model)) {
            (rule.call)(cx, call, out);
        }
    }
}
