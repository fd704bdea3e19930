//! Expressions. Parentheses stand where precedence asks for them, and nowhere else.

use super::Printer;
use super::layout::Doc;
use super::sequences::{Brackets, Row};
use crate::source::Span;
use crate::syntax::ast::{Argument, BinaryOperator, Expr, ExprKind, Name, Setting, UnaryOperator};

/// How tightly an expression holds together: the table of the parser, with the forms that need no operator.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Tightness {
    Lambda,
    Pipe,
    Or,
    And,
    Not,
    Comparison,
    Range,
    Sum,
    Product,
    Negation,
    Power,
    Citation,
    Postfix,
    Atom,
}

impl Tightness {
    fn of(kind: &ExprKind) -> Tightness {
        match kind {
            ExprKind::Lambda { .. } => Tightness::Lambda,
            ExprKind::Pipe { .. } | ExprKind::With { .. } => Tightness::Pipe,
            ExprKind::Unary { operator: UnaryOperator::Not, .. } => Tightness::Not,
            ExprKind::Unary { operator: UnaryOperator::Negate, .. } => Tightness::Negation,
            ExprKind::Binary { operator, .. } => Tightness::of_operator(*operator),
            ExprKind::Range { .. } => Tightness::Range,
            ExprKind::Cited { .. } => Tightness::Citation,
            ExprKind::Call { .. } | ExprKind::Field { .. } | ExprKind::Index { .. } => Tightness::Postfix,
            _ => Tightness::Atom,
        }
    }

    fn of_operator(operator: BinaryOperator) -> Tightness {
        use BinaryOperator::*;
        match operator {
            Or => Tightness::Or,
            And => Tightness::And,
            Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => Tightness::Comparison,
            Add | Subtract => Tightness::Sum,
            Multiply | Divide | FloorDivide | Remainder => Tightness::Product,
            Power => Tightness::Power,
        }
    }

    /// What the operands on both sides need at least.
    fn of_operands(self) -> (Tightness, Tightness) {
        match self {
            Tightness::Or => (Tightness::Or, Tightness::And),
            Tightness::And => (Tightness::And, Tightness::Not),
            Tightness::Comparison => (Tightness::Range, Tightness::Range),
            Tightness::Sum => (Tightness::Sum, Tightness::Product),
            Tightness::Product => (Tightness::Product, Tightness::Negation),
            _ => (Tightness::Citation, Tightness::Power),
        }
    }
}

fn sign(operator: BinaryOperator) -> &'static str {
    use BinaryOperator::*;
    match operator {
        Or => "or",
        And => "and",
        Equal => "==",
        NotEqual => "!=",
        Less => "<",
        LessEqual => "<=",
        Greater => ">",
        GreaterEqual => ">=",
        Add => "+",
        Subtract => "-",
        Multiply => "*",
        Divide => "/",
        FloorDivide => "div",
        Remainder => "%",
        Power => "^",
    }
}

/// A text between double quotes, escapes put back.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// One step of a chain `a |> b with { c }`.
enum Link<'e> {
    Pipe(&'e Expr),
    With(&'e [Setting], Span),
}

impl Printer<'_> {
    /// An expression that may be of any kind: a value, an argument, a body.
    pub(super) fn expr(&mut self, expr: &Expr) -> Doc {
        self.at_least(Tightness::Lambda, expr)
    }

    /// A number with its sign, or what gives one: nothing looser stands beside `+-`.
    pub(super) fn figure(&mut self, expr: &Expr) -> Doc {
        match &expr.kind {
            ExprKind::Unary { operator: UnaryOperator::Negate, value } => {
                Doc::concat(vec![Doc::text("-"), self.at_least(Tightness::Postfix, value)])
            }
            _ => self.at_least(Tightness::Postfix, expr),
        }
    }

    /// An expression that a word follows which could be read as the end of an open range.
    pub(super) fn before_word(&mut self, expr: &Expr) -> Doc {
        if ends_open(expr) { self.parenthesized(expr) } else { self.expr(expr) }
    }

    /// A dim of a type: products are written without spaces.
    pub(super) fn dim(&mut self, expr: &Expr) -> Doc {
        let outside = std::mem::replace(&mut self.in_dims, true);
        let doc = self.expr(expr);
        self.in_dims = outside;
        doc
    }

    /// In parentheses where it is looser than `least`.
    fn at_least(&mut self, least: Tightness, expr: &Expr) -> Doc {
        match Tightness::of(&expr.kind) >= least {
            true => self.bare(expr),
            false => self.parenthesized(expr),
        }
    }

    fn parenthesized(&mut self, expr: &Expr) -> Doc {
        Doc::concat(vec![Doc::text("("), self.bare(expr), Doc::text(")")])
    }

    fn bare(&mut self, expr: &Expr) -> Doc {
        let end = expr.span.end;
        match &expr.kind {
            ExprKind::Number { text, .. } => Doc::text(text),
            ExprKind::Quantity { text, unit, .. } => Doc::text(format!("{text} {}", unit.word())),
            ExprKind::Str(text) => Doc::text(quoted(text)),
            ExprKind::Bool(true) => Doc::text("true"),
            ExprKind::Bool(false) => Doc::text("false"),
            ExprKind::Nothing => Doc::text("none"),
            ExprKind::Name(name) => Doc::text(name),
            ExprKind::List(parts) => {
                self.bracketed(Brackets::square(end), parts, |part| part.span.start, |printer, part| printer.expr(part))
            }
            ExprKind::Record(fields) => self.record(fields, end),
            ExprKind::Range { start, end, step } => self.range(start, end.as_deref(), step.as_deref()),
            ExprKind::Comprehension { body, name, source, condition } => {
                self.comprehension(body, name, source, condition.as_deref())
            }
            ExprKind::If { condition, then, otherwise } => {
                let parts = self.conditional(condition, then, otherwise);
                Doc::group(parts)
            }
            ExprKind::Lambda { parameters, body } => {
                let parameters = match parameters.as_slice() {
                    [one] => one.text.clone(),
                    several => {
                        format!("({})", several.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(", "))
                    }
                };
                Doc::concat(vec![Doc::text(parameters), Doc::text(" => "), self.expr(body)])
            }
            ExprKind::Block { .. } => {
                let inside = self.block(expr);
                Doc::concat(vec![Doc::text("{"), inside, Doc::hard(), Doc::text("}")])
            }
            ExprKind::Call { callee, arguments } => {
                let callee = self.at_least(Tightness::Postfix, callee);
                let start =
                    |argument: &Argument| argument.name.as_ref().map_or(argument.value.span, |name| name.span).start;
                let hugs_last = arguments.last().is_some_and(|last| ends_with_block(&last.value));
                let brackets = Brackets { hugs_last, ..Brackets::round(end) };
                let arguments = self.bracketed(brackets, arguments, start, |printer, argument| {
                    let value = printer.expr(&argument.value);
                    match &argument.name {
                        Some(name) => Doc::concat(vec![Doc::text(format!("{} = ", name.text)), value]),
                        None => value,
                    }
                });
                Doc::concat(vec![callee, arguments])
            }
            ExprKind::Pipe { .. } | ExprKind::With { .. } => self.chain(expr),
            ExprKind::Field { base, name } => {
                Doc::concat(vec![self.at_least(Tightness::Postfix, base), Doc::text(format!(".{}", name.text))])
            }
            ExprKind::Index { base, index } => {
                let base = self.at_least(Tightness::Postfix, base);
                Doc::concat(vec![base, Doc::text("["), self.expr(index), Doc::text("]")])
            }
            ExprKind::Unary { operator: UnaryOperator::Not, value } => {
                Doc::concat(vec![Doc::text("not "), self.at_least(Tightness::Not, value)])
            }
            ExprKind::Unary { operator: UnaryOperator::Negate, value } => {
                Doc::concat(vec![Doc::text("-"), self.at_least(Tightness::Negation, value)])
            }
            ExprKind::Binary { operator, left, right } => self.binary(expr, *operator, left, right),
            ExprKind::Cited { value, citation, .. } => {
                let value = self.at_least(Tightness::Citation, value);
                Doc::concat(vec![value, Doc::text(format!(" @ {}", quoted(citation)))])
            }
            ExprKind::Error => Doc::text("<unreadable>"),
        }
    }

    /// `{ a = 1, b }`; a field that has the value of its own name is the bare name.
    fn record(&mut self, fields: &[Setting], end: u32) -> Doc {
        self.bracketed(
            Brackets::curly(end),
            fields,
            |field| field.name.span.start,
            |printer, field| match &field.value.kind {
                ExprKind::Name(name) if *name == field.name.text => Doc::text(name),
                _ => Doc::concat(vec![Doc::text(format!("{} = ", field.name.text)), printer.expr(&field.value)]),
            },
        )
    }

    fn range(&mut self, start: &Expr, end: Option<&Expr>, step: Option<&Expr>) -> Doc {
        let mut parts = vec![self.at_least(Tightness::Sum, start), Doc::text("..")];
        parts.extend(end.map(|end| self.at_least(Tightness::Sum, end)));
        if let Some(step) = step {
            parts.extend([Doc::text(" by "), self.at_least(Tightness::Sum, step)]);
        }
        Doc::concat(parts)
    }

    fn comprehension(&mut self, body: &Expr, name: &Name, source: &Expr, condition: Option<&Expr>) -> Doc {
        let body = self.expr(body);
        let mut inner =
            vec![Doc::soft(), body, Doc::line(), Doc::text(format!("for {} in ", name.text)), self.expr(source)];
        if let Some(condition) = condition {
            inner.extend([Doc::line(), Doc::text("if "), self.expr(condition)]);
        }
        Doc::group(vec![Doc::text("["), Doc::indent(inner), Doc::soft(), Doc::text("]")])
    }

    /// `if c { a } else if d { b } else { e }`: the parts of one group, so that all arms break together.
    fn conditional(&mut self, condition: &Expr, then: &Expr, otherwise: &Expr) -> Vec<Doc> {
        let condition = match ends_open(condition) {
            // The dots would take the arm's brace for the range's end.
            true => self.parenthesized(condition),
            false => self.expr(condition),
        };
        let mut parts =
            vec![Doc::text("if "), condition, Doc::text(" {"), self.arm(then), Doc::line(), Doc::text("} else ")];
        match &otherwise.kind {
            ExprKind::If { condition, then, otherwise } => parts.extend(self.conditional(condition, then, otherwise)),
            _ => parts.extend([Doc::text("{"), self.arm(otherwise), Doc::line(), Doc::text("}")]),
        }
        parts
    }

    /// What stands between the braces of an arm.
    pub(super) fn arm(&mut self, expr: &Expr) -> Doc {
        if let ExprKind::Block { .. } = expr.kind {
            return self.block(expr);
        }
        let between = self.comments.before(expr.span.start);
        let mut parts: Vec<Doc> = between.trailing.into_iter().map(Doc::trailing).collect();
        parts.push(Doc::line());
        for (_, comment) in between.own_lines {
            parts.extend([Doc::text(comment), Doc::hard()]);
        }
        parts.push(self.expr(expr));
        Doc::indent(parts)
    }

    /// The indented lines of a block: its `let`s and its value.
    fn block(&mut self, block: &Expr) -> Doc {
        let ExprKind::Block { lets, value } = &block.kind else { unreachable!("asked of blocks only") };
        enum Part<'e> {
            Let(&'e crate::syntax::ast::Let),
            Value(&'e Expr),
        }
        let parts: Vec<Part> = lets.iter().map(Part::Let).chain([Part::Value(value)]).collect();
        let place = |part: &Part| match part {
            Part::Let(binding) => (binding.span.start, binding.span.end),
            Part::Value(value) => (value.span.start, value.span.end),
        };
        self.depth += 1;
        let lines = self.rows(
            &parts,
            block.span.end,
            place,
            |_, _| false,
            |printer, part| match part {
                Part::Let(binding) => {
                    Row::new("let", format!("let {}", binding.name.text)).value(printer.expr(&binding.value))
                }
                Part::Value(value) => {
                    // A line that begins with `-` would go on with the `let` above it.
                    let doc = if begins_with_minus(value) { printer.parenthesized(value) } else { printer.expr(value) };
                    Row { head: doc, ..Row::new("value", "") }
                }
            },
        );
        self.depth -= 1;
        lines.into_indented()
    }

    /// `a |> b |> c with { d }`: on one line, or one step a line.
    fn chain(&mut self, expr: &Expr) -> Doc {
        let mut links = Vec::new();
        let mut first = expr;
        loop {
            match &first.kind {
                ExprKind::Pipe { value, into } => {
                    links.push(Link::Pipe(into));
                    first = value;
                }
                ExprKind::With { base, fields } => {
                    links.push(Link::With(fields, first.span));
                    first = base;
                }
                _ => break,
            }
        }
        let has_pipes = links.iter().any(|link| matches!(link, Link::Pipe(_)));
        let first = self.at_least(Tightness::Or, first);
        let mut rest = Vec::new();
        for link in links.into_iter().rev() {
            match link {
                Link::Pipe(into) => {
                    self.break_with_comments(into.span.start, &mut rest);
                    rest.extend([Doc::text("|> "), self.at_least(Tightness::Or, into)]);
                }
                Link::With(fields, span) => {
                    rest.push(if has_pipes { Doc::line() } else { Doc::text(" ") });
                    rest.extend([Doc::text("with "), self.record(fields, span.end)]);
                }
            }
        }
        match has_pipes {
            true => Doc::group(vec![first, Doc::indent(rest)]),
            false => Doc::concat(vec![first, Doc::concat(rest)]),
        }
    }

    /// A break before a link of a chain, with the comments that stand there.
    fn break_with_comments(&mut self, start: u32, parts: &mut Vec<Doc>) {
        let between = self.comments.before(start);
        parts.extend(between.trailing.into_iter().map(Doc::trailing));
        for (_, comment) in between.own_lines {
            parts.extend([Doc::hard(), Doc::text(comment)]);
        }
        parts.push(Doc::line());
    }

    fn binary(&mut self, expr: &Expr, operator: BinaryOperator, left: &Expr, right: &Expr) -> Doc {
        let tightness = Tightness::of_operator(operator);
        let (least_left, least_right) = tightness.of_operands();
        if tightness == Tightness::Power {
            let left = self.at_least(least_left, left);
            return Doc::concat(vec![left, Doc::text(" ^ "), self.at_least(least_right, right)]);
        }
        // Operators of one tightness are one chain, broken as one.
        let mut links = Vec::new();
        let mut first = expr;
        while let ExprKind::Binary { operator, left, right } = &first.kind {
            if Tightness::of_operator(*operator) != tightness
                || (tightness == Tightness::Comparison && !links.is_empty())
            {
                break;
            }
            links.push((*operator, right));
            first = left;
        }
        let tight = self.in_dims && tightness == Tightness::Product;
        let first = self.at_least(least_left, first);
        let mut rest = Vec::new();
        for (operator, right) in links.into_iter().rev() {
            let sign = sign(operator);
            if tight && sign != "div" {
                rest.push(Doc::text(sign));
            } else {
                self.break_with_comments(right.span.start, &mut rest);
                rest.push(Doc::text(format!("{sign} ")));
            }
            rest.push(self.at_least(least_right, right));
        }
        Doc::group(vec![first, Doc::indent(rest)])
    }
}

/// Whether the text of an expression ends with the dots of a range without an end.
fn ends_open(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Range { end: None, step: None, .. } => true,
        ExprKind::Range { end, step, .. } => step.as_ref().or(end.as_ref()).is_some_and(|last| ends_open(last)),
        ExprKind::Lambda { body, .. } => ends_open(body),
        ExprKind::Pipe { into, .. } => ends_open(into),
        ExprKind::Unary { value, .. } => ends_open(value),
        ExprKind::Binary { right, .. } => ends_open(right),
        _ => false,
    }
}

/// Whether an expression is a lambda whose body is a block.
fn ends_with_block(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Lambda { body, .. } => matches!(body.kind, ExprKind::Block { .. }) || ends_with_block(body),
        _ => false,
    }
}

/// Whether the text of an expression begins with `-`.
fn begins_with_minus(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Unary { operator, .. } => *operator == UnaryOperator::Negate,
        ExprKind::Binary { left: first, .. }
        | ExprKind::Range { start: first, .. }
        | ExprKind::Pipe { value: first, .. }
        | ExprKind::With { base: first, .. } => begins_with_minus(first),
        _ => false,
    }
}
