//! Mutants of the program's sources: what each changes, and one text that holds all of them.
//!
//! An expression that has mutants becomes `(if crate::unplanted(7, 8) { as it is } else if crate::planted(7) { a mutant }
//! else { another })`: mutant schemata, so that thousands of mutants take one build (see [`crate::switched`] for the number
//! that turns one on). Expressions are found by `syn`, also inside `ensure!` and `log_event!` and in the constraints of
//! accounts, where tools that mutate what the compiler parses do not look. A mutant is text, so it may not compile: the
//! compiler names its line, and it is dropped.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use syn::{
    Arm, Attribute, BinOp, Block, Expr, ExprBinary, ImplItemFn, Item, ItemFn, ItemImpl, ItemStruct, Lit, Macro, Pat,
    ReturnType, Signature, Stmt, Type, UnOp, Visibility,
    parse::ParseStream,
    spanned::Spanned,
    visit::{self, Visit},
};

/// Arguments that a function of the chain may have, the place of its result left out.
const REGISTERS: usize = 4;

/// One change of the program that its tests must notice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mutant {
    /// From the program's `src`.
    pub file: String,
    /// `Type::function`, or the struct whose accounts are constrained.
    pub place: String,
    /// What it changes, as `was` => `is`.
    pub change: String,
    /// Tells apart what says the same twice in one place, from 1.
    pub nth: usize,
    /// Line of the sources, from 1.
    pub line: usize,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}: {}", self.file, self.place, self.change)?;
        if self.nth > 1 { write!(f, " #{}", self.nth) } else { Ok(()) }
    }
}

/// How a place of the sources holds mutants.
#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// An expression that becomes another.
    Value,
    /// A statement that is left out.
    Statement,
    /// The beginning of a function, which returns at once.
    Body,
    /// The end of a pattern, which matches no more.
    Guard,
    /// The address that an account must have, and the account's field: compared as a constraint.
    Address(String),
}

struct Region {
    range: Range<usize>,
    form: Form,
    alternatives: Vec<Alternative>,
}

struct Alternative {
    text: String,
    mutant: Mutant,
}

/// A file of the program with its mutants.
pub struct Source {
    pub path: PathBuf,
    text: String,
    regions: Vec<Region>,
    /// What else must be different, see [`Finder::function`].
    edits: Vec<(Range<usize>, &'static str)>,
}

/// The text of a file with all of its mutants, and the lines (from 1) in which each stands.
pub struct Written {
    pub text: String,
    pub mutants: Vec<(Mutant, Range<usize>)>,
}

impl Source {
    /// Finds the mutants of a file; `name` is its path from the program's `src`.
    pub fn read(path: &Path, name: &str, text: String) -> Result<Self> {
        let file = syn::parse_file(&text).with_context(|| format!("could not parse {}", path.display()))?;
        let mut finder = Finder { name, text: &text, scope: Vec::new(), regions: Vec::new(), edits: Vec::new() };
        finder.visit_file(&file);
        let (regions, edits) = (finder.regions, finder.edits);
        let mut source = Self { path: path.to_owned(), text, regions: Vec::new(), edits };
        source.arrange(regions);
        Ok(source)
    }

    /// Brings places into the order in which they are written, outer ones first, joins equal ones, and counts mutants that
    /// say the same.
    fn arrange(&mut self, mut regions: Vec<Region>) {
        regions.sort_by_key(|region| (region.range.start, std::cmp::Reverse(region.range.end)));
        for region in regions {
            match self.regions.last_mut() {
                Some(last) if last.range == region.range && last.form == region.form => {
                    for alternative in region.alternatives {
                        if last.alternatives.iter().all(|known| known.text != alternative.text) {
                            last.alternatives.push(alternative);
                        }
                    }
                }
                _ => self.regions.push(region),
            }
        }
        let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
        for alternative in self.regions.iter_mut().flat_map(|region| &mut region.alternatives) {
            let mutant = &mut alternative.mutant;
            let count = seen.entry((mutant.place.clone(), mutant.change.clone())).or_default();
            *count += 1;
            mutant.nth = *count;
        }
    }

    /// Every mutant that is left.
    pub fn mutants(&self) -> impl Iterator<Item = &Mutant> {
        self.regions.iter().flat_map(|region| &region.alternatives).map(|alternative| &alternative.mutant)
    }

    /// Leaves out all other mutants: they do not compile, or are not wanted.
    pub fn retain(&mut self, wanted: impl Fn(&Mutant) -> bool) {
        for region in &mut self.regions {
            region.alternatives.retain(|alternative| wanted(&alternative.mutant));
        }
    }

    /// The file with all mutants, which are numbered from `first` in the order of the list.
    pub fn written(&self, first: u16) -> Written {
        let mut writer = Writer { source: self, first, at: 0, out: String::new(), line: 1, mutants: Vec::new() };
        writer.write(0..self.text.len());
        Written { text: writer.out, mutants: writer.mutants }
    }
}

struct Writer<'a> {
    source: &'a Source,
    first: u16,
    /// The next region.
    at: usize,
    out: String,
    line: usize,
    mutants: Vec<(Mutant, Range<usize>)>,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) {
        self.line += text.matches('\n').count();
        self.out.push_str(text);
    }

    /// The sources of a range, with what must be different in them.
    fn push_source(&mut self, range: Range<usize>) {
        let mut from = range.start;
        for (place, text) in &self.source.edits {
            if range.start <= place.start && place.end <= range.end {
                self.push(&self.source.text[from..place.start]);
                self.push(text);
                from = place.end;
            }
        }
        self.push(&self.source.text[from..range.end]);
    }

    fn write(&mut self, range: Range<usize>) {
        let mut from = range.start;
        while let Some(region) = self.source.regions.get(self.at)
            && region.range.end <= range.end
        {
            self.at += 1;
            self.push_source(from..region.range.start);
            from = region.range.end;
            self.write_region(region);
        }
        self.push_source(from..range.end);
    }

    fn write_region(&mut self, region: &Region) {
        let alive = &region.alternatives;
        let first = self.first + self.mutants.len() as u16;
        let last = (first + alive.len() as u16).saturating_sub(1);
        let unplanted = format!("if crate::unplanted({first}, {last})");
        if alive.is_empty() {
            return self.write(region.range.clone());
        }
        match &region.form {
            Form::Body => {
                for (number, one) in (first..).zip(alive) {
                    self.mutant(one, &format!("\nif crate::planted({number}) {{ {} }}\n", one.text));
                }
            }
            Form::Guard => self.mutant(&alive[0], &format!("\n{unplanted}\n")),
            Form::Statement => {
                self.mutant(&alive[0], &format!("\n{unplanted} {{\n"));
                self.write(region.range.clone());
                self.push("\n}\n");
            }
            Form::Value => {
                self.push(&format!("({unplanted} {{\n"));
                // The numbers of those inside follow.
                let reserved = self.mutants.len();
                self.mutants.extend(alive.iter().map(|one| (one.mutant.clone(), 0..0)));
                self.write(region.range.clone());
                for (index, one) in alive.iter().enumerate() {
                    let condition = match index + 1 == alive.len() {
                        true => String::new(),
                        false => format!("if crate::planted({}) ", first + index as u16),
                    };
                    let from = self.line + 1;
                    self.push(&format!("\n}} else {condition}{{\n{}", one.text));
                    self.mutants[reserved + index].1 = from..self.line + 1;
                }
                self.push("\n})");
            }
            Form::Address(field) => {
                let rule = &self.source.text[region.range.clone()];
                let (address, error) = rule.rsplit_once('@').unwrap_or((rule, ""));
                let address = address.trim_start_matches("address").trim().trim_start_matches('=').trim();
                self.push("constraint = (");
                self.mutant(
                    &alive[0],
                    &format!("{unplanted} {{\n*{field}.address() == {address}\n}} else {{\ntrue\n}}"),
                );
                self.push(&format!(") @{error}"));
            }
        }
    }

    fn mutant(&mut self, one: &Alternative, text: &str) {
        let from = self.line;
        self.push(text);
        self.mutants.push((one.mutant.clone(), from..self.line + 1));
    }
}

struct Finder<'a> {
    name: &'a str,
    text: &'a str,
    scope: Vec<String>,
    regions: Vec<Region>,
    edits: Vec<(Range<usize>, &'static str)>,
}

impl Finder<'_> {
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

    /// A function that returns at once. It cannot be `const` while it asks which mutant is on, and where the chain's calls
    /// have too few registers for its arguments, it must be compiled into its callers, however long it has become.
    fn function(&mut self, visibility: &Visibility, signature: &Signature, body: &Block) {
        if signature.inputs.len() > REGISTERS {
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
        self.visit_block(body);
    }

    /// The condition of an `if`, a guard or a rule that is always met or never.
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
            // What is computed while compiling cannot be asked; constants are mutated where they are used.
            Item::Const(_) | Item::Static(_) | Item::Macro(_) | Item::Enum(_) => {}
            item => visit::visit_item(self, item),
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.scope.push(item.sig.ident.to_string());
        self.function(&item.vis, &item.sig, &item.block);
        self.scope.pop();
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
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
        self.function(&item.vis, &item.sig, &item.block);
        self.scope.pop();
    }

    /// The rules of accounts.
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
                            let change = format!("`{}` is not asked", in_one_line(&self.text[range.clone()]));
                            self.add(range, Form::Address(name.clone()), String::new(), change);
                        }
                    }
                }
            }
            self.scope.pop();
        }
        self.scope.pop();
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let deletes = match statement {
            Stmt::Expr(expr, Some(_)) => match expr {
                Expr::Assign(_) | Expr::Call(_) | Expr::MethodCall(_) | Expr::Try(_) => true,
                Expr::Binary(binary) => self.source(&binary.op).ends_with('=') && !is_comparison(&binary.op),
                _ => false,
            },
            Stmt::Macro(statement) => statement.mac.path.is_ident("log_event"),
            _ => false,
        };
        if deletes {
            let change = format!("`{}` is left out", in_one_line(self.source(statement)));
            self.add(statement.span().byte_range(), Form::Statement, String::new(), change);
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
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
            // Lengths are computed while compiling.
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

    // Nothing of these runs.
    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}
}

/// One rule of an `#[account(...)]` that can be switched.
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

fn is_comparison(op: &BinOp) -> bool {
    matches!(op, BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Le(_) | BinOp::Ge(_))
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

/// Values that a function of this type could return whatever it is asked.
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

    fn source(text: &str) -> Source {
        Source::read(Path::new("a.rs"), "a.rs", text.to_owned()).unwrap()
    }

    fn changes(text: &str) -> Vec<String> {
        source(text).mutants().map(|mutant| format!("{}: {}", mutant.place, mutant.change)).collect()
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
                "A::x: `address = b.c @ E::C` is not asked",
                "A::y: `d && e` => `true`",
                "A::y: `d && e` => `d || e`",
                "A::y: `d && e` => `d`",
                "A::y: `d && e` => `e`",
            ]
        );
    }

    #[test]
    fn what_cannot_be_asked_at_run_time_is_left_alone() {
        assert!(changes("const A: u8 = 1 + 2; struct B { a: [u8; 3] } macro_rules! c { () => { 1 + 1 } }").is_empty());
        assert!(changes("#[cfg(test)] mod tests { fn f() { 1 + 1; } }").is_empty());
        assert_eq!(changes("fn f() -> T { let _: [u8; 3] = [x; 3]; y::<4>() }").len(), 0);
        assert_eq!(changes("fn f() -> T { if let Some(a) = b && c == d { e } }"), ["f: `c == d` => `c != d`"]);
    }

    #[test]
    fn a_file_holds_all_mutants_and_knows_their_lines() {
        let mut file = source("const fn f(a: u8) -> u8 {\na + 2\n}\n");
        let written = file.written(5);
        assert_eq!(
            written.text,
            "fn f(a: u8) -> u8 {\n\
             if crate::planted(5) { return 0; }\n\n\
             if crate::planted(6) { return 1; }\n\n\
             (if crate::unplanted(7, 7) {\n\
             a + (if crate::unplanted(8, 9) {\n2\n} else if crate::planted(8) {\n3\n} else {\n1\n})\n\
             } else {\na - 2\n})\n}\n"
        );
        let lines: Vec<Range<usize>> = written.mutants.iter().map(|(_, lines)| lines.clone()).collect();
        assert_eq!(lines, [1..4, 3..6, 14..16, 9..11, 11..13].map(|lines: Range<usize>| lines));
        file.retain(|mutant| !mutant.change.contains('2'));
        assert_eq!(
            file.written(0).text,
            "fn f(a: u8) -> u8 {\nif crate::planted(0) { return 0; }\n\nif crate::planted(1) { return 1; }\n\na + 2\n}\n"
        );
    }

    #[test]
    fn an_address_is_asked_as_a_constraint() {
        let text = "struct A {\n#[account(mut, address = b.c @ E::C)]\nx: T,\n}\n";
        assert_eq!(
            source(text).written(1).text,
            "struct A {\n#[account(mut, constraint = (if crate::unplanted(1, 1) {\n*x.address() == b.c\n} else {\ntrue\n}) @ E::C)]\nx: T,\n}\n"
        );
    }
}
