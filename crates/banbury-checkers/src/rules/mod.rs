//! One folder per rule: its declaration, its observer where it has one, and the README that is
//! its documentation and its test.

use crate::Rule;

macro_rules! registry {
    ($($name:ident),* $(,)?) => {
        $(pub(crate) mod $name;)*
        /// Every rule, sorted by id.
        pub(crate) const ALL: &[&Rule] = &[$(&$name::RULE),*];
    };
}

registry! {
    any_address_listener,
    assignment_in_condition,
    auth_bypass_constant,
    bad_free,
    buffer_overflow,
    buffer_overread,
    cleartext_transmission,
    command_injection,
    constant_condition,
    dangerous_function,
    divide_by_zero,
    double_free,
    format_string,
    hard_coded_credential,
    hidden_logic,
    infinite_loop,
    insecure_temporary_file,
    integer_overflow,
    integer_truncation,
    integer_underflow,
    lock_misuse,
    memory_leak,
    mismatched_close,
    missing_null_check_inconsistent,
    null_dereference,
    operation_on_closed_resource,
    path_traversal,
    reachable_assertion,
    resource_exhaustion,
    resource_leak,
    secret_in_log,
    sign_conversion,
    sizeof_confusion,
    sql_injection,
    success_after_error,
    tainted_allocation_size,
    tainted_copy_length,
    tainted_index,
    tls_verification_disabled,
    toctou,
    unbounded_loop,
    unbounded_recursion,
    unchecked_length_read,
    unchecked_length_write,
    unchecked_return,
    uncontrolled_search_path,
    uninitialised_use,
    unlimited_append,
    unused_value,
    use_after_free,
    variadic_mismatch,
    weak_cryptography,
    weak_randomness,
    wrong_operator,
}
