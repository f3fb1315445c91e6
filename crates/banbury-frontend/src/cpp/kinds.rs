//! Node kinds and fields of the grammar as small numbers, looked up once: comparing names at
//! every node would cost as much as parsing.

use std::sync::OnceLock;

use tree_sitter::{Language, Node};

macro_rules! kinds {
    ($($variant:ident = $name:literal,)*) => {
        /// The kinds that the adaptor tells apart.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Kind { Other, $($variant,)* }

        fn kind_named(name: &str) -> Kind {
            match name { $($name => Kind::$variant,)* _ => Kind::Other }
        }
    };
}

kinds! {
    AbstractArray = "abstract_array_declarator",
    AbstractFunction = "abstract_function_declarator",
    AbstractParenthesized = "abstract_parenthesized_declarator",
    AbstractPointer = "abstract_pointer_declarator",
    AbstractReference = "abstract_reference_declarator",
    AccessSpecifier = "access_specifier",
    AliasDeclaration = "alias_declaration",
    AlignofExpression = "alignof_expression",
    ArgumentList = "argument_list",
    ArrayDeclarator = "array_declarator",
    AssignmentExpression = "assignment_expression",
    Attribute = "attribute",
    AttributeDeclaration = "attribute_declaration",
    AttributeSpecifier = "attribute_specifier",
    AttributedDeclarator = "attributed_declarator",
    AttributedStatement = "attributed_statement",
    BaseClassClause = "base_class_clause",
    BinaryExpression = "binary_expression",
    BitfieldClause = "bitfield_clause",
    BreakStatement = "break_statement",
    CallExpression = "call_expression",
    CaseStatement = "case_statement",
    CastExpression = "cast_expression",
    CatchClause = "catch_clause",
    CharLiteral = "char_literal",
    ClassSpecifier = "class_specifier",
    CoAwait = "co_await_expression",
    CoReturnStatement = "co_return_statement",
    CommaExpression = "comma_expression",
    Comment = "comment",
    CompoundLiteral = "compound_literal_expression",
    CompoundStatement = "compound_statement",
    ConcatenatedString = "concatenated_string",
    ConditionClause = "condition_clause",
    ConditionalExpression = "conditional_expression",
    ContinueStatement = "continue_statement",
    Declaration = "declaration",
    DeclarationList = "declaration_list",
    Decltype = "decltype",
    DeleteExpression = "delete_expression",
    DependentName = "dependent_name",
    DependentType = "dependent_type",
    DestructorName = "destructor_name",
    DoStatement = "do_statement",
    ElseClause = "else_clause",
    EnumSpecifier = "enum_specifier",
    Enumerator = "enumerator",
    Error = "ERROR",
    ExpressionStatement = "expression_statement",
    ExtensionExpression = "extension_expression",
    False = "false",
    FieldDeclaration = "field_declaration",
    FieldDeclarationList = "field_declaration_list",
    FieldDesignator = "field_designator",
    FieldExpression = "field_expression",
    FieldIdentifier = "field_identifier",
    FieldInitializer = "field_initializer",
    FieldInitializerList = "field_initializer_list",
    ForRangeLoop = "for_range_loop",
    ForStatement = "for_statement",
    FriendDeclaration = "friend_declaration",
    FunctionDeclarator = "function_declarator",
    FunctionDefinition = "function_definition",
    GnuAsm = "gnu_asm_expression",
    GotoStatement = "goto_statement",
    Identifier = "identifier",
    IfStatement = "if_statement",
    InitDeclarator = "init_declarator",
    InitStatement = "init_statement",
    InitializerList = "initializer_list",
    InitializerPair = "initializer_pair",
    LabeledStatement = "labeled_statement",
    LambdaCaptures = "lambda_capture_specifier",
    LambdaCaptureInitializer = "lambda_capture_initializer",
    LambdaExpression = "lambda_expression",
    LinkageSpecification = "linkage_specification",
    NamespaceAlias = "namespace_alias_definition",
    NamespaceDefinition = "namespace_definition",
    NamespaceIdentifier = "namespace_identifier",
    NestedNamespace = "nested_namespace_specifier",
    NewDeclarator = "new_declarator",
    NewExpression = "new_expression",
    Null = "null",
    NumberLiteral = "number_literal",
    OffsetofExpression = "offsetof_expression",
    OperatorCast = "operator_cast",
    OperatorName = "operator_name",
    OptionalParameter = "optional_parameter_declaration",
    ParameterDeclaration = "parameter_declaration",
    ParameterList = "parameter_list",
    ParameterPackExpansion = "parameter_pack_expansion",
    ParenthesizedDeclarator = "parenthesized_declarator",
    ParenthesizedExpression = "parenthesized_expression",
    PlaceholderType = "placeholder_type_specifier",
    PointerDeclarator = "pointer_declarator",
    PointerExpression = "pointer_expression",
    PointerTypeDeclarator = "pointer_type_declarator",
    PrimitiveType = "primitive_type",
    QualifiedIdentifier = "qualified_identifier",
    RawStringLiteral = "raw_string_literal",
    ReferenceDeclarator = "reference_declarator",
    ReturnStatement = "return_statement",
    SehTry = "seh_try_statement",
    SizedType = "sized_type_specifier",
    SizeofExpression = "sizeof_expression",
    StaticAssert = "static_assert_declaration",
    StorageClass = "storage_class_specifier",
    StringLiteral = "string_literal",
    StructSpecifier = "struct_specifier",
    StructuredBinding = "structured_binding_declarator",
    SubscriptArguments = "subscript_argument_list",
    SubscriptDesignator = "subscript_designator",
    SubscriptExpression = "subscript_expression",
    SubscriptRangeDesignator = "subscript_range_designator",
    SwitchStatement = "switch_statement",
    TemplateArguments = "template_argument_list",
    TemplateDeclaration = "template_declaration",
    TemplateFunction = "template_function",
    TemplateInstantiation = "template_instantiation",
    TemplateMethod = "template_method",
    TemplateParameters = "template_parameter_list",
    TemplateType = "template_type",
    This = "this",
    ThrowStatement = "throw_statement",
    TrailingReturn = "trailing_return_type",
    True = "true",
    TryStatement = "try_statement",
    TypeDefinition = "type_definition",
    TypeDescriptor = "type_descriptor",
    TypeIdentifier = "type_identifier",
    TypeQualifier = "type_qualifier",
    UnaryExpression = "unary_expression",
    UnionSpecifier = "union_specifier",
    UpdateExpression = "update_expression",
    UserDefinedLiteral = "user_defined_literal",
    UsingDeclaration = "using_declaration",
    VariadicDeclarator = "variadic_declarator",
    VariadicParameter = "variadic_parameter_declaration",
    Virtual = "virtual",
    VirtualSpecifier = "virtual_specifier",
    WhileStatement = "while_statement",
}

macro_rules! fields {
    ($($name:ident = $text:literal,)*) => {
        /// Field numbers; 0 is no field.
        #[derive(Clone, Copy, Default, Debug)]
        pub(super) struct Fields { $(pub $name: u16,)* }

        impl Fields {
            fn of(language: &Language) -> Fields {
                let id = |name: &str| language.field_id_for_name(name).map_or(0, |id| id.get());
                Fields { $($name: id($text),)* }
            }
        }
    };
}

fields! {
    alternative = "alternative",
    argument = "argument",
    arguments = "arguments",
    body = "body",
    condition = "condition",
    consequence = "consequence",
    declarator = "declarator",
    default_value = "default_value",
    designator = "designator",
    end = "end",
    field = "field",
    function = "function",
    indices = "indices",
    initializer = "initializer",
    label = "label",
    left = "left",
    length = "length",
    member = "member",
    name = "name",
    operator = "operator",
    output_operands = "output_operands",
    parameters = "parameters",
    placement = "placement",
    right = "right",
    scope = "scope",
    size = "size",
    start = "start",
    ty = "type",
    update = "update",
    value = "value",
}

/// The grammar's tables.
pub(super) struct Grammar {
    pub language: Language,
    pub fields: Fields,
    kinds: Vec<Kind>,
}

impl Grammar {
    pub fn get() -> &'static Grammar {
        static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
        GRAMMAR.get_or_init(|| {
            let language: Language = tree_sitter_cpp::LANGUAGE.into();
            let count = u16::try_from(language.node_kind_count()).unwrap_or(u16::MAX);
            let kinds =
                (0..count).map(|id| language.node_kind_for_id(id).map_or(Kind::Other, kind_named)).collect();
            Grammar { fields: Fields::of(&language), kinds, language }
        })
    }

    pub fn kind(&self, node: Node<'_>) -> Kind {
        if node.is_error() {
            return Kind::Error;
        }
        self.kinds.get(usize::from(node.kind_id())).copied().unwrap_or(Kind::Other)
    }
}
