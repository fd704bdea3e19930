//! pest: reads one piece of a file, and says where it stopped and what it expected there, in words.

use std::num::NonZeroUsize;
use std::sync::Once;

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;

#[derive(pest_derive::Parser)]
#[grammar = "grammar/wsss.pest"]
struct PieceParser;

/// Calls that pest may make for one piece. Honest text needs a number that grows with its length; a megabyte stays below.
const MOST_CALLS: NonZeroUsize = NonZeroUsize::new(200_000_000).expect("not zero");

/// Why a piece could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Stopped {
    /// At this byte of the piece, where one of these was expected.
    At { byte: usize, expected: Vec<Expected> },
    /// The piece is too large or too deep to be read.
    Exhausted,
}

/// What could have stood where the grammar stopped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Expected {
    Name,
    Path,
    Metric,
    Text,
    Expression,
    /// A sign or a word that is written as it is.
    Literal(&'static str),
    /// What carries an expression on: said only where nothing else is expected.
    Operator,
    End,
}

/// Reads all of `text` as one `rule`.
pub(super) fn read(rule: Rule, text: &str) -> Result<Pair<'_, Rule>, Stopped> {
    static LIMIT: Once = Once::new();
    LIMIT.call_once(|| pest::set_call_limit(Some(MOST_CALLS)));
    match PieceParser::parse(rule, text) {
        Ok(mut pairs) => Ok(pairs.next().expect("a rule that matches gives its pair")),
        Err(error) => Err(match error.variant {
            ErrorVariant::ParsingError { positives, .. } => {
                let byte = match error.location {
                    InputLocation::Pos(byte) | InputLocation::Span((byte, _)) => byte,
                };
                let mut expected: Vec<Expected> = positives.into_iter().flat_map(expected).copied().collect();
                expected.sort();
                expected.dedup();
                Stopped::At { byte, expected }
            }
            ErrorVariant::CustomError { .. } => Stopped::Exhausted,
        }),
    }
}

/// A rule in words. Rules that only hold others give what they begin with.
fn expected(rule: Rule) -> &'static [Expected] {
    use Expected::*;
    match rule {
        Rule::name | Rule::parameter | Rule::type_ | Rule::lead => &[Name],
        Rule::path | Rule::rate => &[Path],
        Rule::measured => &[Metric],
        Rule::figure => &[Expression],
        Rule::plus_minus => &[Literal("+-")],
        Rule::string => &[Text],
        Rule::expr | Rule::operand | Rule::lambda_body | Rule::argument | Rule::number | Rule::literal => &[Expression],
        Rule::parens | Rule::brackets | Rule::braces | Rule::conditional | Rule::negate | Rule::not => &[Expression],
        Rule::equals => &[Literal("=")],
        Rule::colon | Rule::result => &[Literal(":")],
        Rule::comma => &[Literal(",")],
        Rule::open_paren | Rule::parameters => &[Literal("(")],
        Rule::open_bracket | Rule::dims => &[Literal("[")],
        Rule::open_brace | Rule::names | Rule::arm => &[Literal("{")],
        Rule::close_paren => &[Literal(")")],
        Rule::close_bracket => &[Literal("]")],
        Rule::close_brace => &[Literal("}")],
        Rule::as_word => &[Literal("as")],
        Rule::else_word => &[Literal("else")],
        Rule::in_word => &[Literal("in")],
        Rule::EOI => &[End],
        // A clause word is one way to go on among others, like an operator.
        Rule::from_clause | Rule::until_clause | Rule::moves_clause => &[Operator],
        Rule::from_word | Rule::until_word | Rule::moves_word => &[Operator],
        Rule::choice => &[Name],
        Rule::unit | Rule::moment => &[Literal("epoch"), Literal("step")],
        Rule::comprehension | Rule::for_word | Rule::if_word | Rule::when_word | Rule::with_word => &[Operator],
        Rule::pipe | Rule::or | Rule::and | Rule::by | Rule::range_to | Rule::range_open | Rule::with => &[Operator],
        Rule::equal | Rule::not_equal | Rule::less_equal | Rule::less | Rule::greater_equal | Rule::greater => {
            &[Operator]
        }
        Rule::add | Rule::subtract | Rule::multiply | Rule::divide | Rule::floor_divide | Rule::remainder => {
            &[Operator]
        }
        Rule::power | Rule::call | Rule::index | Rule::measure | Rule::field | Rule::citation | Rule::arrow => {
            &[Operator]
        }
        _ => &[],
    }
}
