//! What is inferred of a call, and what is refused, in the recipe's words.

use expect_test::{Expect, expect};

use super::graph_of;

/// The inferred type of each expression, a line each; or what is said against it.
#[track_caller]
fn check(codes: &[&str], expected: Expect) {
    let line = |code: &&str| match graph_of(code) {
        Ok(graph) => format!("{code}\n  {}\n", graph.node(graph.outputs[0].nodes[0]).fact),
        Err(problems) => format!("{code}\n  {}\n", problems.replace('\n', "\n  ")),
    };
    expected.assert_eq(&codes.iter().map(line).collect::<String>());
}

#[test]
fn ranges_follow_the_numbers() {
    check(
        &[
            r#"1 - tensor([0.5], "unit")"#,
            r#"tensor([0.5], "unit") * tensor([0.5], "unit")"#,
            r#"tensor([0.5], "unit") + tensor([0.5], "unit")"#,
            r#"tensor([7], "image255") / 255"#,
            r#"tensor([7], "image") * (1 - tensor([0.5], "unit"))"#,
            r#"relu(tensor([1], "logit"))"#,
            r#"sigmoid(tensor([1], "logit"))"#,
            r#"softmax(tensor([[1, 2]], "logit"))"#,
            r#"exp(log_softmax(tensor([[1, 2]], "logit")))"#,
            r#"log(softmax(tensor([[1, 2]], "logit")))"#,
            r#"mean(tensor([[1, 2]], "logit"), axes = 1)"#,
            r#"mean(tensor([0, 1], "tags"))"#,
            r#"tensor([1, 2]) > 1"#,
            r#"argmax(tensor([[1, 2, 3]]))"#,
            r#"one_hot(argmax(tensor([[1, 2, 3]])))"#,
            r#"maximum(tensor([1], "logit"), 0)"#,
        ],
        expect![[r#"
            1 - tensor([0.5], "unit")
              unit[1]
            tensor([0.5], "unit") * tensor([0.5], "unit")
              unit[1]
            tensor([0.5], "unit") + tensor([0.5], "unit")
              unit[1]
            tensor([7], "image255") / 255
              unit[1]
            tensor([7], "image") * (1 - tensor([0.5], "unit"))
              image[1]
            relu(tensor([1], "logit"))
              unit[1]
            sigmoid(tensor([1], "logit"))
              unit[1]
            softmax(tensor([[1, 2]], "logit"))
              prob[1, 2]
            exp(log_softmax(tensor([[1, 2]], "logit")))
              prob[1, 2]
            log(softmax(tensor([[1, 2]], "logit")))
              log_prob[1, 2]
            mean(tensor([[1, 2]], "logit"), axes = 1)
              logit[1]
            mean(tensor([0, 1], "tags"))
              unit[]
            tensor([1, 2]) > 1
              binary[2]
            argmax(tensor([[1, 2, 3]]))
              index(3)[1]
            one_hot(argmax(tensor([[1, 2, 3]])))
              binary[1, 3]
            maximum(tensor([1], "logit"), 0)
              unit[1]
        "#]],
    );
}

#[test]
fn what_is_refused() {
    check(
        &[
            r#"sigmoid(tensor([0.5], "prob"))"#,
            r#"softmax(sigmoid(tensor([[1, 2]], "logit")))"#,
            r#"log(tensor([1], "logit"))"#,
            r#"argmax(tensor([[1, 2]])) + 1"#,
            r#"mean(argmax(tensor([[1, 2]])))"#,
            r#"not tensor([0.5])"#,
            r#"tensor([1, 2]) and tensor([1, 0], "binary")"#,
            r#"tensor([1, 2]) + tensor([1, 2, 3])"#,
            r#"tensor([1], "image") + tensor([1], "image255")"#,
            r#"sum(tensor([1, 2]), axes = 1)"#,
            r#"sum(tensor([[1, 2]]), axes = [0, -2])"#,
            r#"clamp(tensor([1]), lo = 1, hi = 0)"#,
            r#"slice(tensor([1, 2]), axis = 0, start = 1, length = 2)"#,
            r#"squeeze(tensor([1, 2]), axis = 0)"#,
            r#"reshape(tensor([1, 2]), [3])"#,
            r#"expand(tensor([1, 2]), [3])"#,
            r#"permute(tensor([[1, 2]]), [0])"#,
            r#"concat([tensor([[1]]), tensor([[1], [2]])])"#,
            r#"one_hot(tensor([1]))"#,
            r#"pick(tensor([[1, 2]]), argmax(tensor([[1, 2, 3]])))"#,
            r#"gather(tensor([[1, 2]]), argmax(tensor([[1, 2], [3, 4]])))"#,
            r#"top_mean(tensor([[1, 2]]))"#,
            r#"top_mean(tensor([[1, 2]]), count = 3)"#,
            r#"top_mean(tensor([[1, 2]]), fraction = 0)"#,
            r#"elu(tensor([1]), alpha = 0)"#,
            r#"where(tensor([1], "binary"), argmax(tensor([[1]])), tensor([1]))"#,
        ],
        expect![[r#"
            sigmoid(tensor([0.5], "prob"))
              domain-mismatch: `sigmoid`: expected scores, found prob[1]
                help: this is a probability already: leave `sigmoid` out, or apply it to the scores
            softmax(sigmoid(tensor([[1, 2]], "logit")))
              domain-mismatch: `softmax`: expected scores, found unit[1, 2]
                help: this is a probability already: leave `softmax` out, or apply it to the scores
            log(tensor([1], "logit"))
              domain-mismatch: `log`: expected numbers above 0, found logit[1]
                help: `log_softmax` and `log_sigmoid` make logarithms of scores, exact where a probability vanishes
            argmax(tensor([[1, 2]])) + 1
              domain-mismatch: `+ - * /`: expected real numbers, found index(2)[1]
                help: `one_hot` makes a channel of each class; class numbers are compared with `==`
            mean(argmax(tensor([[1, 2]])))
              domain-mismatch: `mean`: expected real numbers, found index(2)[1]
                help: `one_hot` makes a channel of each class; class numbers are compared with `==`
            not tensor([0.5])
              domain-mismatch: `not`: expected zeros and ones, found real[1]
                help: a comparison makes them: `x > 0.5`
            tensor([1, 2]) and tensor([1, 0], "binary")
              domain-mismatch: `and`: expected zeros and ones, found real[2]
                help: a comparison makes them: `x > 0.5`
            tensor([1, 2]) + tensor([1, 2, 3])
              dimension-mismatch: `+`: real[2] and real[3] do not go together: 2 against 3
                help: `wsss doc add` says what it takes
            tensor([1], "image") + tensor([1], "image255")
              image-scale-mismatch: `+`: image[1] and image255[1] are pictures of different colour scales
                help: bring both to one scale first
            sum(tensor([1, 2]), axes = 1)
              out-of-range: `sum`: there is no axis 1 where there are 1
                help: axes are counted from 0 to 0, or from -1 back to -1
            sum(tensor([[1, 2]]), axes = [0, -2])
              out-of-range: `sum`: `axes` has axis 0 twice
                help: `wsss doc sum` says what it takes
            clamp(tensor([1]), lo = 1, hi = 0)
              out-of-range: `clamp`: `lo` is 1, above `hi`, which is 0
                help: `wsss doc clamp` says what it takes
            slice(tensor([1, 2]), axis = 0, start = 1, length = 2)
              out-of-range: `slice`: from 1 to 3 is not a part of an axis of 2
                help: `wsss doc slice` says what it takes
            squeeze(tensor([1, 2]), axis = 0)
              dimension-mismatch: `squeeze`: axis 0 of real[2] has length 2, not 1
                help: `mean`, `max` and `sum` fold longer axes
            reshape(tensor([1, 2]), [3])
              dimension-mismatch: `reshape`: real[2] has 2 numbers, the new shape 3
                help: `wsss doc reshape` says what it takes
            expand(tensor([1, 2]), [3])
              dimension-mismatch: `expand`: real[2] and real[3] do not go together: 2 against 3
                help: `wsss doc expand` says what it takes
            permute(tensor([[1, 2]]), [0])
              rank-mismatch: `permute`: `axes` names 1 of 2 axes
                help: `wsss doc permute` says what it takes
            concat([tensor([[1]]), tensor([[1], [2]])])
              dimension-mismatch: `concat`: real[1, 1] and real[2, 1] do not go together: 1 against 2
                help: `wsss doc concat` says what it takes
            one_hot(tensor([1]))
              domain-mismatch: `one_hot`: expected class numbers, found real[1]
                help: `argmax` makes class numbers of scores
            pick(tensor([[1, 2]]), argmax(tensor([[1, 2, 3]])))
              dimension-mismatch: `pick`: real[1, 2] and index(3)[1] do not go together: 2 against 3
                help: `wsss doc pick` says what it takes
            gather(tensor([[1, 2]]), argmax(tensor([[1, 2], [3, 4]])))
              dimension-mismatch: `gather`: real[1, 2] and index(2)[2] do not go together: 1 against 2
                help: `wsss doc gather` says what it takes
            top_mean(tensor([[1, 2]]))
              missing-argument: `top_mean`: `fraction` or `count` must be given
                help: `wsss doc top_mean` says what it takes
            top_mean(tensor([[1, 2]]), count = 3)
              out-of-range: `top_mean`: `count` must be from 1 to 2, it is 3
                help: `wsss doc top_mean` says what it takes
            top_mean(tensor([[1, 2]]), fraction = 0)
              out-of-range: `top_mean`: `fraction` must be above 0 and at most 1, it is 0
                help: `wsss doc top_mean` says what it takes
            elu(tensor([1]), alpha = 0)
              out-of-range: `elu`: `alpha` must be above 0, it is 0
                help: `wsss doc elu` says what it takes
            where(tensor([1], "binary"), argmax(tensor([[1]])), tensor([1]))
              domain-mismatch: `where`: expected class numbers on both sides, found real[1]
                help: `wsss doc where` says what it takes
        "#]],
    );
}

#[test]
fn windows_and_matrices_have_their_lengths() {
    check(
        &[
            r#"conv2d(tensor([[[[1, 2, 3]]]], "image"), tensor([[[[1, 1, 1]]]]), padding = [0, 1])"#,
            r#"conv2d(tensor([[[[1, 2, 3]]]], "image"), tensor([[[[1, 1, 1]]]]), padding = "same", stride = 2)"#,
            r#"max_pool(tensor([[[[0.1, 0.9]]]], "prob"), kernel = [1, 2])"#,
            r#"avg_pool(tensor([[[[0, 1]]]], "binary"), kernel = [1, 2])"#,
            r#"resize(tensor([[[[0, 1]]]], "binary"), size = [3, 4], align_corners = false)"#,
            r#"resize(softmax(tensor([[[[0, 1]]]], "logit")), size = [3, 4], align_corners = true)"#,
            r#"resize(argmax(tensor([[[[0, 1]]]])), size = [3, 4], mode = "nearest")"#,
            r#"matmul(tensor([[1, 2]], "unit"), tensor([[1], [2]], "unit"))"#,
            r#"dropout(tensor([[0.5]], "unit"))"#,
            r#"batch_normalize(tensor([[1], [2]]))"#,
        ],
        expect![[r#"
            conv2d(tensor([[[[1, 2, 3]]]], "image"), tensor([[[[1, 1, 1]]]]), padding = [0, 1])
              feature[1, 1, 1, 3]
            conv2d(tensor([[[[1, 2, 3]]]], "image"), tensor([[[[1, 1, 1]]]]), padding = "same", stride = 2)
              feature[1, 1, 1, 2]
            max_pool(tensor([[[[0.1, 0.9]]]], "prob"), kernel = [1, 2])
              unit[1, 1, 1, 1]
            avg_pool(tensor([[[[0, 1]]]], "binary"), kernel = [1, 2])
              unit[1, 1, 1, 1]
            resize(tensor([[[[0, 1]]]], "binary"), size = [3, 4], align_corners = false)
              unit[1, 1, 3, 4]
            resize(softmax(tensor([[[[0, 1]]]], "logit")), size = [3, 4], align_corners = true)
              prob[1, 1, 3, 4]
            resize(argmax(tensor([[[[0, 1]]]])), size = [3, 4], mode = "nearest")
              index(1)[1, 3, 4]
            matmul(tensor([[1, 2]], "unit"), tensor([[1], [2]], "unit"))
              nonneg[1, 1]
            dropout(tensor([[0.5]], "unit"))
              unit[1, 1]
            batch_normalize(tensor([[1], [2]]))
              feature[2, 1]
        "#]],
    );
}

#[test]
fn windows_and_matrices_that_do_not_fit() {
    check(
        &[
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]], [[1]]]]))"#,
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), groups = 2)"#,
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), tensor([1, 2]))"#,
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1, 1, 1]]]]))"#,
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), stride = 0)"#,
            r#"conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), padding = "valid")"#,
            r#"conv2d(tensor([[1, 2]]), tensor([[[[1]]]]))"#,
            r#"max_pool(tensor([[[[1, 2]]]]), kernel = 2, padding = 2)"#,
            r#"max_pool(tensor([[[[1, 2]]]]), kernel = 3)"#,
            r#"resize(argmax(tensor([[[[0, 1]]]])), size = [3, 4])"#,
            r#"resize(tensor([[1, 2]]), size = [0, 4])"#,
            r#"resize(tensor([[1, 2]]), size = [4])"#,
            r#"resize(tensor([[1, 2]]), size = [3, 4], mode = "nearest", align_corners = true)"#,
            r#"resize(tensor([[1, 2]]), size = [3, 4], factor = -2)"#,
            r#"resize(tensor([[1, 2]]), size = [3, 4])"#,
            r#"matmul(tensor([[1, 2]]), tensor([[1, 2]]))"#,
            r#"matmul(tensor([1, 2]), tensor([[1, 2]]))"#,
            r#"dropout(tensor([[1, 2]]), p = 1)"#,
            r#"normalize(tensor([[1, 2]]), tensor([1]), tensor([1]))"#,
            r#"batch_normalize(tensor([[1, 2]]), eps = -1)"#,
            r#"channel_stats(tensor([1, 2]))"#,
        ],
        expect![[r#"
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]], [[1]]]]))
              dimension-mismatch: `conv2d`: a weight real[1, 2, 1, 1] does not fit the 1 channels of real[1, 1, 1, 2]
                help: `wsss doc conv2d` says what it takes
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), groups = 2)
              dimension-mismatch: `conv2d`: a weight real[1, 1, 1, 1] in 2 groups does not fit the 1 channels of real[1, 1, 1, 2]
                help: `wsss doc conv2d` says what it takes
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), tensor([1, 2]))
              dimension-mismatch: `conv2d`: expected one number for each of 1 outputs, found real[2]
                help: `wsss doc conv2d` says what it takes
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1, 1, 1]]]]))
              dimension-mismatch: `conv2d`: a width of 2 leaves no room for the kernel
                help: a larger `padding` makes room
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), stride = 0)
              out-of-range: `conv2d`: `stride` must be at least 1, it is 0
                help: `wsss doc conv2d` says what it takes
            conv2d(tensor([[[[1, 2]]]]), tensor([[[[1]]]]), padding = "valid")
              out-of-range: `conv2d`: `padding` cannot be "valid"
                help: choices: `same`
            conv2d(tensor([[1, 2]]), tensor([[[[1]]]]))
              rank-mismatch: `conv2d`: `x` must have 4 axes, this is real[1, 2]
                help: `wsss doc conv2d` says what it takes
            max_pool(tensor([[[[1, 2]]]]), kernel = 2, padding = 2)
              out-of-range: `max_pool`: `padding` is 2, more than half the kernel of 2
                help: `wsss doc max_pool` says what it takes
            max_pool(tensor([[[[1, 2]]]]), kernel = 3)
              dimension-mismatch: `max_pool`: a height of 1 leaves no room for the kernel
                help: a larger `padding` makes room
            resize(argmax(tensor([[[[0, 1]]]])), size = [3, 4])
              index-interpolation: `resize`: class numbers cannot be blended, found index(1)[1, 1, 2]
                help: `mode = "nearest"` keeps them whole
            resize(tensor([[1, 2]]), size = [0, 4])
              out-of-range: `resize`: `size` must be at least 1, it is 0
                help: `wsss doc resize` says what it takes
            resize(tensor([[1, 2]]), size = [4])
              out-of-range: `resize`: `size` must be `[height, width]`
                help: `wsss doc resize` says what it takes
            resize(tensor([[1, 2]]), size = [3, 4], mode = "nearest", align_corners = true)
              out-of-range: `resize`: `align_corners` is for "bilinear" without a `factor`
                help: `wsss doc resize` says what it takes
            resize(tensor([[1, 2]]), size = [3, 4], factor = -2)
              out-of-range: `resize`: `factor` must be above 0, it is -2
                help: `wsss doc resize` says what it takes
            resize(tensor([[1, 2]]), size = [3, 4])
              missing-argument: `resize`: `align_corners` must be stated: the numbers of the result depend on it
                help: add `align_corners = false` (corners of images together, what `resize_like` does) or `true`
            matmul(tensor([[1, 2]]), tensor([[1, 2]]))
              dimension-mismatch: `matmul`: real[1, 2] and real[1, 2] do not go together: 2 against 1
                help: `wsss doc matmul` says what it takes
            matmul(tensor([1, 2]), tensor([[1, 2]]))
              rank-mismatch: `matmul`: expected a matrix, found real[2]
                help: `wsss doc matmul` says what it takes
            dropout(tensor([[1, 2]]), p = 1)
              out-of-range: `dropout`: `p` must be at least 0 and below 1, it is 1
                help: `wsss doc dropout` says what it takes
            normalize(tensor([[1, 2]]), tensor([1]), tensor([1]))
              dimension-mismatch: `normalize`: expected one number for each of 2 channels, found real[1]
                help: `wsss doc normalize` says what it takes
            batch_normalize(tensor([[1, 2]]), eps = -1)
              out-of-range: `batch_normalize`: `eps` must not be negative, it is -1
                help: `wsss doc batch_normalize` says what it takes
            channel_stats(tensor([1, 2]))
              rank-mismatch: `channel_stats`: expected channels, found real[2]
                help: `wsss doc channel_stats` says what it takes
        "#]],
    );
}
