//! Finds the small changes of a file that tests must notice.
//!
//! `syn` finds the expressions, also inside `ensure!` and `log_event!` and in the constraints of accounts. What the compiler
//! evaluates holds no mutant, because the number of the mutant that is on is read when the program runs: constants (also
//! associated ones), statics, `const` blocks, lengths of arrays and arguments of types. Constants are changed where they are
//! used, and a `const fn` loses its `const`. What `IdlAccountType` says of an account is not in the program: `cargo xtask
//! idl --check` holds it.

use std::ops::Range;

use syn::{
    Arm, Attribute, BinOp, Block, Expr, ExprBinary, ImplItemFn, Item, ItemFn, ItemImpl, ItemStruct, Lit, LocalInit,
    Macro, Pat, ReturnType, Signature, Stmt, Type, UnOp, Visibility,
    parse::ParseStream,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::mutant::{Alternative, Form, Mutant, Region};

/// How many arguments a function compiled for the chain can take in registers, besides the place of its result.
const REGISTERS: usize = 4;

/// The parts of a file that run.
#[derive(Default)]
pub struct Nodes {
    pub expressions: Vec<Range<usize>>,
    pub blocks: Vec<BlockNode>,
}

pub struct BlockNode {
    /// Between its braces.
    pub inside: Range<usize>,
    pub statements: Vec<StatementNode>,
}

pub struct StatementNode {
    pub range: Range<usize>,
    /// Whether it declares a name.
    pub declares: bool,
}

/// Visits a file.
pub struct Finder<'a> {
    name: &'a str,
    text: &'a str,
    scope: Vec<String>,
    pub regions: Vec<Region>,
    /// Further changes of the text, see [`Finder::function`].
    pub edits: Vec<(Range<usize>, &'static str)>,
    pub nodes: Nodes,
    /// Whether the present function returns `Result<()>`.
    is_check: bool,
}

impl<'a> Finder<'a> {
    pub fn new(name: &'a str, text: &'a str) -> Self {
        let (scope, regions, edits, nodes) = (Vec::new(), Vec::new(), Vec::new(), Nodes::default());
        Self { name, text, scope, regions, edits, nodes, is_check: false }
    }

    fn source(&self, of: &impl Spanned) -> &str {
        &self.text[of.span().byte_range()]
    }

    fn add(&mut self, range: Range<usize>, form: Form, text: String, change: String) {
        let mutant = Mutant {
            file: self.name.to_owned(),
            place: self.scope.join("::"),
            change,
            nth: 1,
            line: self.text[..range.start].matches('\n').count() + 1,
        };
        let alternatives = vec![Alternative { text, mutant }];
        self.regions.push(Region { range, form, alternatives });
    }

    /// An expression that becomes another.
    fn value(&mut self, was: &impl Spanned, is: impl Into<String>) {
        let is = is.into();
        let change = format!("`{}` => `{}`", in_one_line(self.source(was)), in_one_line(&is));
        self.add(was.span().byte_range(), Form::Value, is, change);
    }

    /// A function that returns at once. It cannot be `const`, because it reads which mutant is on. With more arguments
    /// than there are registers it must be inlined, however long it has become.
    fn function(&mut self, attributes: &[Attribute], visibility: &Visibility, signature: &Signature, body: &Block) {
        let says_itself = attributes.iter().any(|one| one.path().is_ident("inline"));
        if signature.inputs.len() > REGISTERS && !says_itself {
            let start = match visibility {
                Visibility::Inherited => signature.span().byte_range().start,
                visibility => visibility.span().byte_range().start,
            };
            self.edits.push((start..start, "#[inline(always)] "));
        }
        if let Some(keyword) = &signature.constness {
            let range = keyword.span().byte_range();
            self.edits.push((range.start..range.end + 1, ""));
        }
        let values = match &signature.output {
            ReturnType::Default => vec![String::new()],
            ReturnType::Type(_, kind) => values_of(kind),
        };
        let only = |value: &str| in_one_line(self.source(body)) == format!("{{ {value} }}");
        let values: Vec<String> = values.into_iter().filter(|value| !only(value)).collect();
        let start = body.brace_token.span.open().byte_range().end;
        for value in values {
            let change = if value.is_empty() { "returns at once".into() } else { format!("returns `{value}`") };
            self.add(start..start, Form::Body, format!("return {value};"), change);
        }
        let is_check = self.source(&signature.output).ends_with("Result<()>");
        let outer = std::mem::replace(&mut self.is_check, is_check);
        self.visit_block(body);
        self.is_check = outer;
    }

    /// The value of a block or a match arm that is not computed.
    fn result(&mut self, value: &Expr) {
        match value {
            Expr::Call(_) | Expr::MethodCall(_) if self.is_check && self.source(value) != "Ok(())" => {
                self.value(value, "Ok(())");
            }
            Expr::Assign(_) => self.value(value, "()"),
            Expr::Binary(binary) if is_assignment(&binary.op) => self.value(value, "()"),
            _ => {}
        }
    }

    /// A condition that is always true, or never.
    fn condition(&mut self, condition: &Expr, always: &[&str]) {
        if !binds(condition) {
            for value in always {
                self.value(condition, *value);
            }
        }
        self.visit_expr(condition);
    }

    fn binary(&mut self, binary: &ExprBinary) {
        let (mut left, right) = (self.source(&binary.left).to_owned(), self.source(&binary.right).to_owned());
        if matches!(*binary.left, Expr::Cast(_)) {
            // `a as u8 < b` would begin the arguments of a type.
            left = format!("({left})");
        }
        let others: &[&str] = match binary.op {
            BinOp::Add(_) => &["-"],
            BinOp::Sub(_) => &["+"],
            BinOp::Mul(_) => &["/"],
            BinOp::Div(_) => &["*"],
            BinOp::Rem(_) => &["/"],
            BinOp::And(_) => &["||"],
            BinOp::Or(_) => &["&&"],
            BinOp::BitXor(_) => &["|"],
            BinOp::BitAnd(_) => &["|"],
            BinOp::BitOr(_) => &["&"],
            BinOp::Shl(_) => &[">>"],
            BinOp::Shr(_) => &["<<"],
            BinOp::Eq(_) => &["!="],
            BinOp::Ne(_) => &["=="],
            BinOp::Lt(_) => &["<=", ">="],
            BinOp::Le(_) => &["<", ">"],
            BinOp::Gt(_) => &[">=", "<="],
            BinOp::Ge(_) => &[">", "<"],
            BinOp::AddAssign(_) => &["-="],
            BinOp::SubAssign(_) => &["+="],
            BinOp::MulAssign(_) => &["/="],
            BinOp::DivAssign(_) => &["*="],
            BinOp::BitAndAssign(_) => &["|="],
            BinOp::BitOrAssign(_) => &["&="],
            BinOp::ShlAssign(_) => &[">>="],
            BinOp::ShrAssign(_) => &["<<="],
            _ => &[],
        };
        for other in others {
            self.value(binary, format!("{left} {other} {right}"));
        }
        if matches!(binary.op, BinOp::And(_) | BinOp::Or(_)) {
            self.value(binary, left);
            self.value(binary, right);
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Fn(ItemFn { attrs, .. })
            | Item::Mod(syn::ItemMod { attrs, .. })
            | Item::Impl(ItemImpl { attrs, .. })
                if is_for_tests(attrs) => {}
            // Evaluated at compile time. Constants are mutated where they are used.
            Item::Const(_) | Item::Static(_) | Item::Macro(_) | Item::Enum(_) => {}
            item => visit::visit_item(self, item),
        }
    }

    // Evaluated at compile time, too.
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.scope.push(item.sig.ident.to_string());
        self.function(&item.attrs, &item.vis, &item.sig, &item.block);
        self.scope.pop();
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        // Describes the program, and is not in it.
        if item
            .trait_
            .as_ref()
            .is_some_and(|(_, path, _)| path.segments.last().is_some_and(|last| last.ident == "IdlAccountType"))
        {
            return;
        }
        let name = match &*item.self_ty {
            Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        self.scope.push(name.unwrap_or_default());
        visit::visit_item_impl(self, item);
        self.scope.pop();
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.scope.push(item.sig.ident.to_string());
        self.function(&item.attrs, &item.vis, &item.sig, &item.block);
        self.scope.pop();
    }

    /// The constraints of accounts.
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.scope.push(item.ident.to_string());
        for field in &item.fields {
            let name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
            self.scope.push(name.clone());
            for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("account")) {
                let Ok(rules) = attribute.parse_args_with(rules) else { continue };
                for rule in rules {
                    match rule {
                        Rule::Constraint(condition) => self.condition(&condition, &["true"]),
                        Rule::Address(range) => {
                            let change = format!("`{}` is not checked", in_one_line(&self.text[range.clone()]));
                            self.add(range, Form::Address(name.clone()), String::new(), change);
                        }
                    }
                }
            }
            self.scope.pop();
        }
        self.scope.pop();
    }

    fn visit_block(&mut self, block: &'ast Block) {
        let inside = block.brace_token.span.open().byte_range().end..block.brace_token.span.close().byte_range().start;
        let statements = block
            .stmts
            .iter()
            .map(|one| StatementNode { range: one.span().byte_range(), declares: matches!(one, Stmt::Local(_)) });
        self.nodes.blocks.push(BlockNode { inside, statements: statements.collect() });
        // A block that is this value alone returns it at once in another mutant.
        if let [_, .., Stmt::Expr(value, None)] = &block.stmts[..] {
            self.result(value);
        }
        visit::visit_block(self, block);
    }

    fn visit_local_init(&mut self, init: &'ast LocalInit) {
        self.visit_expr(&init.expr);
        // The block of a `let ... else` must not end: what refuses there cannot become a value.
        if let Some((_, other)) = &init.diverge
            && !self.source(&**other).contains("refuse!")
        {
            self.visit_expr(other);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let deletes = match statement {
            Stmt::Expr(expr, Some(_)) => match expr {
                Expr::Assign(_) | Expr::Call(_) | Expr::MethodCall(_) | Expr::Try(_) => true,
                Expr::Binary(binary) => is_assignment(&binary.op),
                _ => false,
            },
            Stmt::Macro(statement) => statement.mac.path.is_ident("log_event"),
            _ => false,
        };
        if deletes {
            let change = format!("`{}` is left out", in_one_line(self.source(statement)));
            self.add(statement.span().byte_range(), Form::Statements, String::new(), change);
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        if !binds(expr) {
            self.nodes.expressions.push(expr.span().byte_range());
        }
        match expr {
            Expr::Macro(one) if one.mac.path.is_ident("refuse") => {
                for value in ["Ok(())", "Ok(0)", "()"] {
                    self.value(one, value);
                }
            }
            Expr::Binary(binary) if !binds(expr) => self.binary(binary),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_) | UnOp::Neg(_)) => {
                let operand = self.source(&unary.expr).to_owned();
                self.value(unary, operand);
            }
            Expr::Lit(literal) => match &literal.lit {
                Lit::Int(int) => {
                    if let Ok(number) = int.base10_parse::<u128>() {
                        let suffix = int.suffix();
                        self.value(literal, format!("{}{suffix}", number.wrapping_add(1)));
                        if number > 0 {
                            self.value(literal, format!("{}{suffix}", number - 1));
                        }
                    }
                }
                Lit::Bool(bool) => self.value(literal, (!bool.value).to_string()),
                _ => {}
            },
            Expr::Path(path) if is_constant(path) => {
                let name = self.source(path).to_owned();
                if !name.ends_with("::MAX") {
                    self.value(path, format!("({name} + 1)"));
                }
                self.value(path, format!("({name} - 1)"));
            }
            Expr::MethodCall(call) => {
                let other = match call.method.to_string().as_str() {
                    "min" => "max",
                    "max" => "min",
                    "any" => "all",
                    "all" => "any",
                    "is_some" => "is_none",
                    "is_none" => "is_some",
                    "first" => "last",
                    "last" => "first",
                    "saturating_add" => "wrapping_add",
                    "saturating_sub" => "wrapping_sub",
                    "checked_add" => "checked_sub",
                    "checked_sub" => "checked_add",
                    _ => "",
                };
                if !other.is_empty() {
                    let (range, method) = (call.span().byte_range(), call.method.span().byte_range());
                    let (head, tail) = (&self.text[range.start..method.start], &self.text[method.end..range.end]);
                    let is = format!("{head}{other}{tail}");
                    self.value(call, is);
                }
                if call.method == "is_empty" {
                    let is = format!("!{}", self.source(call));
                    self.value(call, is);
                }
            }
            Expr::If(one) => {
                self.condition(&one.cond, &["true", "false"]);
                self.visit_block(&one.then_branch);
                if let Some((_, other)) = &one.else_branch {
                    self.visit_expr(other);
                }
                return;
            }
            Expr::Match(one) => {
                let last = one.arms.last();
                let catches_all = last.is_some_and(|arm| arm.guard.is_none() && catches_all(&arm.pat));
                for arm in &one.arms[..one.arms.len().saturating_sub(1)] {
                    if arm.guard.is_none() && catches_all {
                        let end = arm.pat.span().byte_range().end;
                        let change = format!("`{} =>` is left out", in_one_line(self.source(&arm.pat)));
                        self.add(end..end, Form::Guard, String::new(), change);
                    }
                }
            }
            // Lengths are evaluated at compile time.
            Expr::Repeat(repeat) => return self.visit_expr(&repeat.expr),
            Expr::Const(_) => return,
            _ => {}
        }
        visit::visit_expr(self, expr);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        if let Some((_, guard)) = &arm.guard {
            self.condition(guard, &["true", "false"]);
        }
        self.result(&arm.body);
        self.visit_expr(&arm.body);
    }

    fn visit_macro(&mut self, one: &'ast Macro) {
        if one.path.is_ident("ensure")
            && let Ok(condition) = one.parse_body_with(leading_expression)
        {
            self.condition(&condition, &["true"]);
        }
        if one.path.is_ident("log_event")
            && let Ok(event) = one.parse_body::<Expr>()
        {
            self.visit_expr(&event);
        }
    }

    // None of these runs.
    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}
}

/// A rule of an `#[account(...)]` that mutants change.
enum Rule {
    Constraint(Box<Expr>),
    /// Where `address = a.b @ Error` stands.
    Address(Range<usize>),
}

/// The rules between the parentheses of an `#[account(...)]`.
fn rules(input: ParseStream) -> syn::Result<Vec<Rule>> {
    let mut found = Vec::new();
    while !input.is_empty() {
        let mut tokens = Vec::new();
        let is = |input: ParseStream, name: &str| {
            let fork = input.fork();
            let named = fork.parse::<syn::Ident>().is_ok_and(|ident| ident == name);
            named && fork.peek(syn::Token![=])
        };
        if is(input, "constraint") {
            input.parse::<syn::Ident>()?;
            input.parse::<syn::Token![=]>()?;
            found.push(Rule::Constraint(input.parse()?));
        } else if is(input, "address") {
            let start = input.span().byte_range().start;
            let mut end = start;
            while !input.is_empty() && !input.peek(syn::Token![,]) {
                end = input.parse::<proc_macro2::TokenTree>()?.span().byte_range().end;
            }
            found.push(Rule::Address(start..end));
        }
        while !input.is_empty() && !input.peek(syn::Token![,]) {
            tokens.push(input.parse::<proc_macro2::TokenTree>()?);
        }
        input.parse::<Option<syn::Token![,]>>()?;
    }
    Ok(found)
}

/// The expression that a macro's arguments begin with.
fn leading_expression(input: ParseStream) -> syn::Result<Expr> {
    let expression = input.parse()?;
    input.parse::<proc_macro2::TokenStream>()?;
    Ok(expression)
}

/// Whether a condition binds names (`let`), so that it can only stand where it does.
fn binds(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(binary) => binds(&binary.left) || binds(&binary.right),
        _ => false,
    }
}

/// Whether a pattern matches whatever is left: `_`, or a name (that of a variant begins with a capital).
fn catches_all(pattern: &Pat) -> bool {
    match pattern {
        Pat::Wild(_) => true,
        Pat::Ident(name) => !name.ident.to_string().starts_with(char::is_uppercase),
        _ => false,
    }
}

/// `+=` and the like.
fn is_assignment(op: &BinOp) -> bool {
    use BinOp::{
        AddAssign, BitAndAssign, BitOrAssign, BitXorAssign, DivAssign, MulAssign, RemAssign, ShlAssign, ShrAssign,
        SubAssign,
    };
    matches!(op, AddAssign(_) | SubAssign(_) | MulAssign(_) | DivAssign(_) | RemAssign(_))
        || matches!(op, BitAndAssign(_) | BitOrAssign(_) | BitXorAssign(_) | ShlAssign(_) | ShrAssign(_))
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|one| {
        one.path().is_ident("cfg") && one.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "test")
    })
}

/// `NAMED_LIKE_THIS`.
fn is_constant(path: &syn::ExprPath) -> bool {
    path.qself.is_none()
        && path.path.segments.last().is_some_and(|last| {
            let name = last.ident.to_string();
            name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        })
}

/// Constant values of a type.
fn values_of(kind: &Type) -> Vec<String> {
    let Type::Path(path) = kind else {
        return match kind {
            Type::Tuple(tuple) if tuple.elems.is_empty() => vec!["()".into()],
            _ => Vec::new(),
        };
    };
    let Some(last) = path.path.segments.last() else { return Vec::new() };
    let inner = || match &last.arguments {
        syn::PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(syn::GenericArgument::Type(inner)) => values_of(inner),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let wrapped = |name: &str| inner().into_iter().map(|value| format!("{name}({value})")).collect::<Vec<_>>();
    match last.ident.to_string().as_str() {
        "bool" => vec!["true".into(), "false".into()],
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "i64" => vec!["0".into(), "1".into()],
        "Result" => wrapped("Ok"),
        "Option" => [vec!["None".into()], wrapped("Some")].concat(),
        "Address" => vec!["Address::default()".into()],
        _ => Vec::new(),
    }
}

fn in_one_line(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or(line));
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(text: &str) -> Vec<String> {
        let mut finder = Finder::new("a.rs", text);
        finder.visit_file(&syn::parse_file(text).unwrap());
        let mut regions = finder.regions;
        regions.sort_by_key(|region| (region.range.start, std::cmp::Reverse(region.range.end)));
        let mutants = regions.iter().flat_map(|region| &region.alternatives).map(|one| &one.mutant);
        mutants.map(|mutant| format!("{}: {}", mutant.place, mutant.change)).collect()
    }

    #[test]
    fn conditions_move_their_bounds_and_lose_their_parts() {
        assert_eq!(
            changes("fn f(a: u8) -> T { a < 7 && !b }"),
            [
                "f: `a < 7 && !b` => `a < 7 || !b`",
                "f: `a < 7 && !b` => `a < 7`",
                "f: `a < 7 && !b` => `!b`",
                "f: `a < 7` => `a <= 7`",
                "f: `a < 7` => `a >= 7`",
                "f: `7` => `8`",
                "f: `7` => `6`",
                "f: `!b` => `b`",
            ]
        );
    }

    #[test]
    fn functions_return_at_once_and_statements_are_left_out() {
        assert_eq!(
            changes("impl A { fn f(&mut self) -> Result<bool> { self.a += BB; g(self)?; Ok(true) } }"),
            [
                "A::f: returns `Ok(true)`",
                "A::f: returns `Ok(false)`",
                "A::f: `self.a += BB;` is left out",
                "A::f: `self.a += BB` => `self.a -= BB`",
                "A::f: `BB` => `(BB + 1)`",
                "A::f: `BB` => `(BB - 1)`",
                "A::f: `g(self)?;` is left out",
                "A::f: `true` => `false`",
            ]
        );
    }

    #[test]
    fn results_of_arms_and_checks_are_left_out() {
        let of_b = |changes: Vec<String>| changes.into_iter().filter(|one| one.contains("`b")).collect::<Vec<_>>();
        assert_eq!(of_b(changes("fn f() -> Result<()> { a?; b(c) }")), ["f: `b(c)` => `Ok(())`"]);
        assert_eq!(
            of_b(changes("fn f() -> T { match a { A => b += 1, _ => b = 2 } }")),
            ["f: `b += 1` => `()`", "f: `b += 1` => `b -= 1`", "f: `b = 2` => `()`"]
        );
        assert_eq!(
            of_b(changes("fn f() -> Result<()> { match a { A => b(), B => refuse!(C) } }")),
            ["f: `b()` => `Ok(())`"]
        );
        assert_eq!(of_b(changes("fn f() -> u8 { a?; b(c) }")), [""; 0]);
    }

    #[test]
    fn macros_and_the_rules_of_accounts_are_looked_into() {
        assert_eq!(
            changes("fn f() -> T { ensure!(a == b, Bad, \"{} 1\", 2); log_event!(E { x: 3, y }); }"),
            [
                "f: `a == b` => `true`",
                "f: `a == b` => `a != b`",
                "f: `log_event!(E { x: 3, y });` is left out",
                "f: `3` => `4`",
                "f: `3` => `2`",
            ]
        );
        assert_eq!(
            changes(
                "struct A { #[account(mut, address = b.c @ E::C)] x: T, #[account(constraint = d && e @ E::D)] y: T }"
            ),
            [
                "A::x: `address = b.c @ E::C` is not checked",
                "A::y: `d && e` => `true`",
                "A::y: `d && e` => `d || e`",
                "A::y: `d && e` => `d`",
                "A::y: `d && e` => `e`",
            ]
        );
    }

    #[test]
    fn what_runs_at_compile_time_is_left_alone() {
        assert!(changes("const A: u8 = 1 + 2; struct B { a: [u8; 3] } macro_rules! c { () => { 1 + 1 } }").is_empty());
        assert!(changes("impl A { const B: u8 = { assert!(C < 3); 1 + 2 }; } trait D { const E: u8 = 1; }").is_empty());
        assert!(changes("impl a::IdlAccountType for B { fn c() -> Option<T> { D::c() } }").is_empty());
        assert!(changes("static A: u8 = 1; fn f() -> T { const B: u8 = 1; g(const { 2 }) }").is_empty());
        assert!(changes("#[cfg(test)] mod tests { fn f() { 1 + 1; } }").is_empty());
        assert_eq!(changes("fn f() -> T { let _: [u8; 3] = [x; 3]; y::<4>() }").len(), 0);
        assert_eq!(changes("fn f() -> T { if let Some(a) = b && c == d { e } }"), ["f: `c == d` => `c != d`"]);
    }
}
