//! The grammar's pairs to expressions. One function a rule; precedence is the table [`PRECEDENCE`].

use std::cell::RefCell;
use std::sync::LazyLock;

use pest::iterators::{Pair, Pairs};
use pest::pratt_parser::{Assoc, Op, PrattParser};

use crate::diag::Diagnostic;
use crate::source::{SourceId, Span};
use crate::syntax::ast::{Argument, BinaryOperator, Expr, ExprKind, Let, Name, Setting, UnaryOperator, Unit};
use crate::syntax::errors;
use crate::syntax::grammar::Rule;

/// From loosest to tightest.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    use Rule::*;
    let left = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(left(pipe) | Op::postfix(with))
        .op(left(or))
        .op(left(and))
        .op(Op::prefix(not))
        .op(left(equal) | left(not_equal) | left(less) | left(less_equal) | left(greater) | left(greater_equal))
        .op(left(by))
        .op(left(range_to) | Op::postfix(range_open))
        .op(left(add) | left(subtract))
        .op(left(multiply) | left(divide) | left(floor_divide) | left(remainder))
        .op(Op::prefix(negate))
        .op(Op::infix(power, Assoc::Right))
});

/// Builds the nodes of one piece. What the grammar lets through and the language does not is added to `problems`, and is an
/// `Error` node.
pub(super) struct Builder<'p> {
    pub source: SourceId,
    /// Where the piece begins in its source.
    pub offset: usize,
    pub problems: &'p RefCell<Vec<Diagnostic>>,
}

/// What stands between braces, before it is known whether it is a record, a block or an arm.
struct Braces<'t> {
    lets: Vec<Let>,
    arguments: Vec<Pair<'t, Rule>>,
    span: Span,
}

impl Builder<'_> {
    pub fn span(&self, pair: &Pair<Rule>) -> Span {
        let span = pair.as_span();
        Span::new(self.source, self.offset + span.start()..self.offset + span.end())
    }

    fn problem(&self, diagnostic: Diagnostic) -> ExprKind {
        self.problems.borrow_mut().push(diagnostic);
        ExprKind::Error
    }

    /// `name`
    pub fn name(&self, pair: &Pair<Rule>) -> Name {
        Name::new(pair.as_str(), self.span(pair))
    }

    /// The names directly inside a pair.
    pub fn names(&self, pair: Pair<Rule>) -> Vec<Name> {
        pair.into_inner().filter(|part| part.as_rule() == Rule::name).map(|part| self.name(&part)).collect()
    }

    /// `string`: the text with its escapes resolved.
    pub fn text(&self, pair: &Pair<Rule>) -> String {
        let quoted = pair.as_str();
        let mut text = String::with_capacity(quoted.len());
        let mut characters = quoted[1..quoted.len() - 1].chars();
        while let Some(character) = characters.next() {
            text.push(match character {
                '\\' => match characters.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    // `\"` and `\\`; any other escape was reported by the scan.
                    Some(other) => other,
                    None => '\\',
                },
                other => other,
            });
        }
        text
    }

    /// `expr`
    pub fn expr(&self, pair: Pair<Rule>) -> Expr {
        let span = self.span(&pair);
        let flat = pair.into_inner();
        if let Some(diagnostic) = self.chained(flat.clone()) {
            return Expr::new(self.problem(diagnostic), span);
        }
        PRECEDENCE
            .map_primary(|pair| self.operand(pair))
            .map_prefix(|operator, value| self.prefix(operator, value))
            .map_infix(|left, operator, right| self.infix(left, operator, right))
            .map_postfix(|value, suffix| self.suffix(value, suffix))
            .parse(flat)
    }

    /// `figure`: a number with its sign, or what gives one.
    pub fn figure(&self, pair: Pair<Rule>) -> Expr {
        let mut negated = None;
        let mut value = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::negate => negated = Some(part),
                _ => value = Some(self.operand(part)),
            }
        }
        let value = value.expect("a figure has an operand");
        match (negated, value) {
            // The citation is of the number with its sign.
            (Some(sign), Expr { kind: ExprKind::Cited { value, citation, citation_span }, span }) => {
                let value = Box::new(self.prefix(sign, *value));
                Expr::new(ExprKind::Cited { value, citation, citation_span }, span)
            }
            (Some(sign), value) => self.prefix(sign, value),
            (None, value) => value,
        }
    }

    /// Two comparisons, or two ranges, that no looser operator parts.
    fn chained(&self, flat: Pairs<Rule>) -> Option<Diagnostic> {
        let mut comparison: Option<Span> = None;
        let mut range: Option<Span> = None;
        for pair in flat {
            match pair.as_rule() {
                Rule::pipe | Rule::with | Rule::or | Rule::and => (comparison, range) = (None, None),
                Rule::equal | Rule::not_equal | Rule::less | Rule::less_equal | Rule::greater | Rule::greater_equal => {
                    let here = self.span(&pair);
                    if let Some(first) = comparison.replace(here) {
                        return Some(errors::chained_comparison(first, here));
                    }
                    range = None;
                }
                Rule::range_to | Rule::range_open => {
                    let here = self.span(&pair);
                    if let Some(first) = range.replace(here) {
                        return Some(errors::chained_range(first, here));
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn prefix(&self, operator: Pair<Rule>, value: Expr) -> Expr {
        let span = self.span(&operator).to(value.span);
        let operator = if operator.as_rule() == Rule::not { UnaryOperator::Not } else { UnaryOperator::Negate };
        Expr::new(ExprKind::Unary { operator, value: Box::new(value) }, span)
    }

    fn infix(&self, left: Expr, operator: Pair<Rule>, right: Expr) -> Expr {
        let span = left.span.to(right.span);
        let place = self.span(&operator);
        let operator = match operator.as_rule() {
            Rule::pipe => return Expr::new(ExprKind::Pipe { value: Box::new(left), into: Box::new(right) }, span),
            Rule::range_to => {
                let kind = ExprKind::Range { start: Box::new(left), end: Some(Box::new(right)), step: None };
                return Expr::new(kind, span);
            }
            Rule::by => {
                let kind = match left.kind {
                    ExprKind::Range { start, end, step: None } => {
                        ExprKind::Range { start, end, step: Some(Box::new(right)) }
                    }
                    ExprKind::Error => ExprKind::Error,
                    _ => self.problem(errors::step_without_range(place)),
                };
                return Expr::new(kind, span);
            }
            Rule::or => BinaryOperator::Or,
            Rule::and => BinaryOperator::And,
            Rule::equal => BinaryOperator::Equal,
            Rule::not_equal => BinaryOperator::NotEqual,
            Rule::less => BinaryOperator::Less,
            Rule::less_equal => BinaryOperator::LessEqual,
            Rule::greater => BinaryOperator::Greater,
            Rule::greater_equal => BinaryOperator::GreaterEqual,
            Rule::add => BinaryOperator::Add,
            Rule::subtract => BinaryOperator::Subtract,
            Rule::multiply => BinaryOperator::Multiply,
            Rule::divide => BinaryOperator::Divide,
            Rule::floor_divide => BinaryOperator::FloorDivide,
            Rule::remainder => BinaryOperator::Remainder,
            Rule::power => BinaryOperator::Power,
            rule => unreachable!("{rule:?} is no infix operator of the table"),
        };
        Expr::new(ExprKind::Binary { operator, left: Box::new(left), right: Box::new(right) }, span)
    }

    /// `with`, `range_open`
    fn suffix(&self, value: Expr, suffix: Pair<Rule>) -> Expr {
        let span = value.span.to(self.span(&suffix));
        if suffix.as_rule() == Rule::range_open {
            return Expr::new(ExprKind::Range { start: Box::new(value), end: None, step: None }, span);
        }
        let braces = suffix.into_inner().find(|pair| pair.as_rule() == Rule::braces).expect("`with` has its braces");
        let record = self.braces(braces);
        let kind = match record.kind {
            ExprKind::Record(fields) => ExprKind::With { base: Box::new(value), fields },
            ExprKind::Error => ExprKind::Error,
            _ => self.problem(errors::expected_record(record.span)),
        };
        Expr::new(kind, span)
    }

    /// `operand`: an atom, then what applies to it, or the body that makes it the parameters of a lambda.
    fn operand(&self, pair: Pair<Rule>) -> Expr {
        let mut parts = pair.into_inner();
        let atom = parts.next().expect("an operand begins with an atom");
        if let Some(body) = parts.clone().find(|part| part.as_rule() == Rule::lambda_body) {
            return self.lambda(atom, body);
        }
        parts.fold(self.atom(atom), |base, part| self.apply(base, part))
    }

    /// `lambda_body`, and the atom before its arrow.
    fn lambda(&self, atom: Pair<Rule>, body: Pair<Rule>) -> Expr {
        let start = self.span(&atom);
        let body = self.expr(body.into_inner().next().expect("a lambda has a body"));
        let span = start.to(body.span);
        let names = match atom.as_rule() {
            Rule::name => Some(vec![self.name(&atom)]),
            Rule::parens => expressions(atom).map(|pair| as_name(self.expr(pair))).collect(),
            _ => None,
        };
        let kind = match names {
            Some(parameters) => ExprKind::Lambda { parameters, body: Box::new(body) },
            None => self.problem(errors::lambda_parameters(start)),
        };
        Expr::new(kind, span)
    }

    /// `call`, `index`, `measure`, `field`, `citation`
    fn apply(&self, base: Expr, part: Pair<Rule>) -> Expr {
        let span = base.span.to(self.span(&part));
        let base = Box::new(base);
        let kind = match part.as_rule() {
            Rule::call => {
                let arguments = part.into_inner().filter(|pair| pair.as_rule() == Rule::argument);
                ExprKind::Call { callee: base, arguments: arguments.map(|pair| self.argument(pair)).collect() }
            }
            Rule::index => {
                let index = self.expr(expressions(part).next().expect("an index has an expression"));
                ExprKind::Index { base, index: Box::new(index) }
            }
            Rule::field => {
                let name = part.into_inner().next().expect("a field has a name");
                ExprKind::Field { base, name: self.name(&name) }
            }
            Rule::measure => match (&base.kind, Unit::from_word(part.as_str())) {
                (ExprKind::Number { value, text }, Some(unit)) => {
                    ExprKind::Quantity { value: *value, text: text.clone(), unit }
                }
                _ => self.problem(errors::unit_without_number(self.span(&part), part.as_str())),
            },
            Rule::citation => {
                let (citation, citation_span) = self.citation(part);
                ExprKind::Cited { value: base, citation, citation_span }
            }
            rule => unreachable!("{rule:?} applies to nothing"),
        };
        Expr::new(kind, span)
    }

    /// What stands behind an `@`, and where.
    pub(super) fn citation(&self, pair: Pair<Rule>) -> (String, Span) {
        let text = pair.into_inner().next().expect("a citation has a text");
        (self.text(&text), self.span(&text))
    }

    /// `argument`: an expression, or a name, `=` and an expression.
    fn argument(&self, pair: Pair<Rule>) -> Argument {
        let mut parts = expressions(pair);
        let first = self.expr(parts.next().expect("an argument has an expression"));
        let Some(value) = parts.next() else { return Argument { name: None, value: first } };
        let value = self.expr(value);
        let span = first.span;
        match as_name(first) {
            Some(name) => Argument { name: Some(name), value },
            None => {
                let kind = self.problem(errors::expected_name_before_equals(span));
                Argument { name: None, value: Expr::new(kind, span.to(value.span)) }
            }
        }
    }

    /// `number`, `string`, `parens`, `brackets`, `braces`, `conditional`, `literal`, `name`
    fn atom(&self, pair: Pair<Rule>) -> Expr {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::number => self.number(&pair),
            Rule::string => ExprKind::Str(self.text(&pair)),
            Rule::name => ExprKind::Name(pair.as_str().to_owned()),
            Rule::literal => match pair.as_str() {
                "true" => ExprKind::Bool(true),
                "false" => ExprKind::Bool(false),
                _ => ExprKind::Nothing,
            },
            Rule::parens => {
                let mut parts: Vec<Expr> = expressions(pair).map(|pair| self.expr(pair)).collect();
                match parts.len() {
                    1 => parts.remove(0).kind,
                    _ => self.problem(errors::parentheses(span, parts.len())),
                }
            }
            Rule::brackets => self.brackets(pair),
            Rule::braces => return self.braces(pair),
            Rule::conditional => return self.conditional(pair),
            rule => unreachable!("{rule:?} is no atom"),
        };
        Expr::new(kind, span)
    }

    fn number(&self, pair: &Pair<Rule>) -> ExprKind {
        let text = pair.as_str();
        match text.replace('_', "").parse::<f64>() {
            Ok(value) if value.is_finite() => ExprKind::Number { value, text: text.to_owned() },
            _ => self.problem(errors::number_too_large(self.span(pair))),
        }
    }

    /// `brackets`: a list or a comprehension.
    fn brackets(&self, pair: Pair<Rule>) -> ExprKind {
        let comprehension = pair.clone().into_inner().find(|part| part.as_rule() == Rule::comprehension);
        let mut parts: Vec<Expr> = expressions(pair).map(|pair| self.expr(pair)).collect();
        let Some(clause) = comprehension else { return ExprKind::List(parts) };
        let name =
            clause.clone().into_inner().find(|part| part.as_rule() == Rule::name).expect("a comprehension has a name");
        let mut clauses = expressions(clause).map(|pair| Box::new(self.expr(pair)));
        ExprKind::Comprehension {
            body: Box::new(parts.remove(0)),
            name: self.name(&name),
            source: clauses.next().expect("a comprehension has a source"),
            condition: clauses.next(),
        }
    }

    /// `braces`: a block where it has a `let`, else a record.
    fn braces(&self, pair: Pair<Rule>) -> Expr {
        let braces = self.take_braces(pair);
        let span = braces.span;
        if !braces.lets.is_empty() {
            return self.block(braces);
        }
        let fields = braces.arguments.into_iter().map(|pair| {
            let argument = self.argument(pair);
            let span = argument.value.span;
            match (argument.name, argument.value) {
                (Some(name), value) => Some(Setting { name, value }),
                (None, value) => match value.kind {
                    ExprKind::Name(ref text) => Some(Setting { name: Name::new(text.clone(), span), value }),
                    ExprKind::Error => None,
                    _ => {
                        self.problem(errors::expected_field(span));
                        None
                    }
                },
            }
        });
        match fields.collect() {
            Some(fields) => Expr::new(ExprKind::Record(fields), span),
            None => Expr::new(ExprKind::Error, span),
        }
    }

    fn take_braces<'t>(&self, pair: Pair<'t, Rule>) -> Braces<'t> {
        let span = self.span(&pair);
        let (bindings, others): (Vec<_>, Vec<_>) = pair.into_inner().partition(|part| part.as_rule() == Rule::binding);
        let lets = bindings.into_iter().map(|pair| self.binding(pair)).collect();
        let arguments = others.into_iter().filter(|part| part.as_rule() == Rule::argument).collect();
        Braces { lets, arguments, span }
    }

    /// `binding`
    fn binding(&self, pair: Pair<Rule>) -> Let {
        let start = self.span(&pair);
        let name = pair.clone().into_inner().find(|part| part.as_rule() == Rule::name).expect("a binding has a name");
        let value = self.expr(expressions(pair).next().expect("a binding has a value"));
        let span = Span { end: value.span.end, ..start };
        Let { name: self.name(&name), value, span }
    }

    /// A block, or the bare value of an arm without a `let`.
    fn block(&self, braces: Braces) -> Expr {
        let span = braces.span;
        let mut values = braces.arguments.into_iter().map(|pair| self.argument(pair));
        let value = match (values.next(), values.next()) {
            (Some(Argument { name: None, value }), None) => value,
            (Some(Argument { name: Some(name), value }), None) => {
                return Expr::new(self.problem(errors::binding_without_let(name.span, value.span)), span);
            }
            (None, _) => return Expr::new(self.problem(errors::block_without_value(span)), span),
            (Some(_), Some(second)) => {
                return Expr::new(self.problem(errors::block_with_values(second.value.span)), span);
            }
        };
        match braces.lets.is_empty() {
            true => value,
            false => Expr::new(ExprKind::Block { lets: braces.lets, value: Box::new(value) }, span),
        }
    }

    /// What stands between the braces of an arm.
    pub fn arm(&self, pair: Pair<Rule>) -> Expr {
        self.block(self.take_braces(pair))
    }

    /// `conditional`; `else if` is a nested one.
    fn conditional(&self, pair: Pair<Rule>) -> Expr {
        let span = self.span(&pair);
        let mut condition = None;
        let mut arms = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::expr => condition = Some(Box::new(self.expr(part))),
                Rule::arm => arms.push(Box::new(self.arm(part))),
                Rule::conditional => arms.push(Box::new(self.conditional(part))),
                _ => {}
            }
        }
        let (Some(condition), Some(otherwise), Some(then)) = (condition, arms.pop(), arms.pop()) else {
            unreachable!("a conditional has a condition and two arms")
        };
        Expr::new(ExprKind::If { condition, then, otherwise }, span)
    }
}

/// The expressions directly inside a pair, punctuation left out.
pub(super) fn expressions(pair: Pair<Rule>) -> impl Iterator<Item = Pair<Rule>> {
    pair.into_inner().filter(|part| part.as_rule() == Rule::expr)
}

/// The expression as a name, if it is nothing else.
fn as_name(expr: Expr) -> Option<Name> {
    match expr.kind {
        ExprKind::Name(text) => Some(Name::new(text, expr.span)),
        _ => None,
    }
}
