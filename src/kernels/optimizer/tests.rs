//! Golden steps of the field's reference, the rest by hand.

use candle_core::DType;

use super::*;
use crate::kernels::testing::{assert_close, assert_same_for_any_workers, cast, golden, numbers, sample};

/// What is made at once.
fn now(step: impl FnOnce(&mut Updates) -> Result<()>) -> Result<()> {
    let mut updates = Updates::default();
    step(&mut updates)?;
    updates.finish()
}

/// Runs the ten golden steps and compares the parameter after each.
fn check_golden(case: &str, step: impl Fn(&Tensor, &Tensor, [&Tensor; 2], u64, f64) -> Result<()>) -> Result<()> {
    for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 1e-6)] {
        let (gradients, rates) = (cast(&golden(case, "gradients"), dtype), numbers(&golden(case, "lr")));
        // A copy: the golden arrays are shared by all tests.
        let parameter = cast(&golden(case, "p0"), dtype).copy()?;
        let states = [parameter.zeros_like()?, parameter.zeros_like()?];
        for (index, rate) in rates.into_iter().enumerate() {
            step(&parameter, &gradients.get(index)?, [&states[0], &states[1]], index as u64 + 1, rate)?;
            let expected = golden(case, "p").get(index)?;
            assert_close(&format!("{case}, step {index}, {dtype:?}"), &parameter, &expected, tolerance);
        }
    }
    Ok(())
}

#[test]
fn golden_sgd() -> Result<()> {
    for (case, momentum, weight_decay) in
        [("sgd_momentum_wd_poly", 0.9, 5e-4), ("sgd_warmup_poly", 0.9, 5e-4), ("sgd_psa_poly_optimizer", 5e-4, 5e-4)]
    {
        let sgd = Sgd { momentum, nesterov: false, weight_decay };
        check_golden(case, |p, g, [v, _], _, rate| now(|updates| sgd.step(updates, p, g, Some(v), rate)))?;
    }
    Ok(())
}

#[test]
fn golden_adam() -> Result<()> {
    for (case, weight_decay, decoupled) in [("adamw", 0.01, true), ("adam", 0.0, false)] {
        let adam = Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay, decoupled };
        check_golden(case, |p, g, moments, count, rate| now(|updates| adam.step(updates, p, g, moments, count, rate)))?;
    }
    Ok(())
}

/// p = 1, g = 2, decay 0.5: d = 2.5. Plain: 1 - 0.1*2.5. Nesterov, v = 1: v' = 0.9 + 2.5, d + 0.9*v' = 5.56.
#[test]
fn by_hand() -> Result<()> {
    let (one, two) =
        (Tensor::new(&[1f64], &candle_core::Device::Cpu)?, Tensor::new(&[2f64], &candle_core::Device::Cpu)?);
    let plain = one.copy()?;
    let sgd = Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.5 };
    now(|updates| sgd.step(updates, &plain, &two, None, 0.1))?;
    assert_close("plain", &plain, &Tensor::new(&[0.75f64], plain.device())?, 1e-15);
    let (nesterov, velocity) = (one.copy()?, one.copy()?);
    let sgd = Sgd { momentum: 0.9, nesterov: true, weight_decay: 0.5 };
    now(|updates| sgd.step(updates, &nesterov, &two, Some(&velocity), 0.1))?;
    assert_close("velocity", &velocity, &Tensor::new(&[3.4f64], one.device())?, 1e-15);
    assert_close("nesterov", &nesterov, &Tensor::new(&[0.444f64], one.device())?, 1e-15);
    Ok(())
}

/// p = 1, g = 2, decay 0.5: g' = 2.5, v = 0.1 * 6.25. Then 1 - 0.1 * 2.5 / √v, and the same once more through the velocity.
#[test]
fn rmsprop_by_hand() -> Result<()> {
    let device = &candle_core::Device::Cpu;
    let (one, two) = (Tensor::new(&[1f64], device)?, Tensor::new(&[2f64], device)?);
    let root = 0.625f64.sqrt();
    let rule = RmsProp { alpha: 0.9, eps: 0.0, momentum: 0.0, weight_decay: 0.5 };
    let (p, square) = (one.copy()?, one.zeros_like()?);
    now(|updates| rule.step(updates, &p, &two, &square, None, 0.1))?;
    assert_close("mean square", &square, &Tensor::new(&[0.625f64], device)?, 1e-15);
    assert_close("plain", &p, &Tensor::new(&[1.0 - 0.25 / root], device)?, 1e-15);
    let (p, square, velocity) = (one.copy()?, one.zeros_like()?, two.copy()?);
    let rule = RmsProp { momentum: 0.5, ..rule };
    now(|updates| rule.step(updates, &p, &two, &square, Some(&velocity), 0.1))?;
    assert_close("momentum", &p, &Tensor::new(&[1.0 - 0.1 * (1.0 + 2.5 / root)], device)?, 1e-15);
    assert!(now(|updates| rule.step(updates, &p, &two, &square, None, 0.1)).is_err());
    Ok(())
}

#[test]
fn means_and_squares_by_hand() -> Result<()> {
    let device = &candle_core::Device::Cpu;
    let (mean, p) = (Tensor::new(&[1f64, 2.0], device)?, Tensor::new(&[3f64, -2.0], device)?);
    now(|updates| average(updates, &mean, &p, 0.75))?;
    assert_close("mean", &mean, &Tensor::new(&[1.5f64, 1.0], device)?, 1e-15);
    assert_eq!(sum_of_squares(&[&p])?, 13.0);
    let many = cast(&sample(&[300, 400], 3), DType::F32);
    assert_same_for_any_workers("squares", || Tensor::new(sum_of_squares(&[&many])?, device));
    let plain: f64 = many.flatten_all()?.to_vec1::<f32>()?.iter().map(|&x| f64::from(x).powi(2)).sum();
    assert!((sum_of_squares(&[&many])? / plain - 1.0).abs() < 1e-12);
    assert_eq!(sum_of_squares(&[&many.narrow(1, 0, 0)?])?, 0.0);
    Ok(())
}

#[test]
fn equal_bits_for_any_number_of_workers() {
    let (p, g) = (cast(&sample(&[300, 400], 1), DType::F32), cast(&sample(&[300, 400], 2), DType::F32));
    let adam = Adam { betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.1, decoupled: false };
    assert_same_for_any_workers("adam", || {
        let (p, m, v) = (p.copy()?, p.zeros_like()?, p.zeros_like()?);
        now(|updates| adam.step(updates, &p, &g, [&m, &v], 1, 0.1))?;
        Ok(p)
    });
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let (p, g) = (sample(&[3], 1), sample(&[4], 2));
    let sgd = Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.0 };
    let copy = p.copy().expect("a copy");
    assert!(now(|updates| sgd.step(updates, &p, &copy, None, 0.1)).is_err());
    assert!(now(|updates| sgd.step(updates, &p, &g, Some(&copy), 0.1)).is_err());
}

/// Several parameters of different sizes and rates, by each rule: made at once, and together by the kernel for CUDA, run on the CPU.
#[test]
fn steps_for_cuda() -> Result<()> {
    type Step = dyn Fn(&mut Updates, &Tensor, &Tensor, [&Tensor; 2], f64) -> Result<()>;
    let sgd = Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.01 };
    let adam = Adam { betas: [0.9, 0.99], eps: 1e-8, weight_decay: 0.01, decoupled: false };
    let rms = RmsProp { alpha: 0.9, eps: 1e-8, momentum: 0.0, weight_decay: 0.01 };
    let steps: [(&str, &Step); 7] = [
        ("sgd", &move |updates, p, g, [v, _], rate| sgd.step(updates, p, g, Some(v), rate)),
        ("plain", &move |updates, p, g, _, rate| Sgd { momentum: 0.0, ..sgd }.step(updates, p, g, None, rate)),
        ("nesterov", &move |updates, p, g, [v, _], rate| {
            Sgd { nesterov: true, ..sgd }.step(updates, p, g, Some(v), rate)
        }),
        ("adam", &move |updates, p, g, moments, rate| adam.step(updates, p, g, moments, 3, rate)),
        ("adamw", &move |updates, p, g, moments, rate| {
            Adam { decoupled: true, ..adam }.step(updates, p, g, moments, 3, rate)
        }),
        ("rmsprop", &move |updates, p, g, [square, _], rate| rms.step(updates, p, g, square, None, rate)),
        ("rmsprop with momentum", &move |updates, p, g, [square, v], rate| {
            RmsProp { momentum: 0.9, ..rms }.step(updates, p, g, square, Some(v), rate)
        }),
    ];
    if !crate::kernels::cuda::can_emulate("steps for CUDA") {
        return Ok(());
    }
    for (name, step) in steps {
        let stepped = |all_wait: bool| -> Result<Vec<Tensor>> {
            let (mut updates, mut left) = (Updates::default(), Vec::new());
            updates.all_wait = all_wait;
            for (at, dims) in [&[7, 3][..], &[1], &[300, 230], &[0]].into_iter().enumerate() {
                let [p, g, a, b] = [1, 2, 3, 4].map(|seed| sample(dims, seed));
                // Squares are not below 0.
                let (a, b, mean) = ((a.abs()? + 0.1)?, (b.abs()? + 0.1)?, p.copy()?);
                step(&mut updates, &p, &g, [&a, &b], 0.1 / (at + 1) as f64)?;
                average(&mut updates, &mean, &p, 0.75)?;
                left.extend([p, a, b, mean]);
            }
            updates.finish()?;
            Ok(left)
        };
        for (found, expected) in stepped(true)?.iter().zip(&stepped(false)?) {
            assert_close(name, found, expected, 1e-14);
        }
    }
    Ok(())
}
