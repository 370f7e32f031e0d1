//! The rules of choice, with a paused clock.

use super::*;

/// Endpoints that all work.
fn working(count: usize, now: Instant) -> Endpoints {
    let mut endpoints = Endpoints::new(count, now);
    endpoints.ask(now);
    for endpoint in 0..count {
        endpoints.is_well(endpoint, now);
        endpoints.succeeded(endpoint);
    }
    endpoints
}

fn rng() -> fastrand::Rng {
    fastrand::Rng::with_seed(1)
}

#[tokio::test(start_paused = true)]
async fn equals_take_turns_and_the_busy_one_waits() {
    let now = Instant::now();
    let mut endpoints = working(3, now);
    let first: Vec<_> = (0..3).filter_map(|_| endpoints.take(now)).collect();
    assert_eq!(first, [0, 1, 2]);
    endpoints.returned(1, now);
    assert_eq!(endpoints.take(now), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_failed_endpoint_waits_then_gets_one_parcel_until_it_works() {
    let mut now = Instant::now();
    let mut endpoints = Endpoints::new(1, now);
    assert_eq!(endpoints.take(now), Some(0));
    endpoints.returned(0, now);
    endpoints.failed(0, Some(Duration::from_secs(2)), now, &mut rng());
    assert_eq!((endpoints.take(now), endpoints.ask(now)), (None, vec![]));
    now = endpoints.next_available(now).expect("backs off");
    assert_eq!(endpoints.ask(now), [] as [usize; 0], "the only one is not asked");
    assert_eq!(endpoints.take(now), Some(0));
    assert_eq!(endpoints.take(now), None, "one parcel on trial");
    endpoints.returned(0, now);
    endpoints.succeeded(0);
    assert_eq!((endpoints.take(now), endpoints.take(now)), (Some(0), Some(0)));
}

#[tokio::test(start_paused = true)]
async fn several_endpoints_are_asked_first_and_then_tried_with_one_parcel() {
    let mut now = Instant::now();
    let mut endpoints = Endpoints::new(2, now);
    assert_eq!((endpoints.take(now), endpoints.ask(now)), (None, vec![0, 1]));
    assert_eq!(endpoints.ask(now), [] as [usize; 0], "once");
    endpoints.is_well(1, now);
    assert_eq!((endpoints.take(now), endpoints.take(now)), (Some(1), None));
    endpoints.returned(1, now);
    endpoints.succeeded(1);
    assert_eq!((endpoints.take(now), endpoints.take(now)), (Some(1), Some(1)));

    assert!(endpoints.is_unwell(0, now, &mut rng()), "the other one works");
    assert_eq!(endpoints.ask(now), [] as [usize; 0], "it backs off");
    now = endpoints.next_care(now).expect("a back-off");
    assert_eq!((endpoints.take(now), endpoints.ask(now)), (Some(1), vec![0]));
    endpoints.is_well(0, now);
    assert_eq!([endpoints.take(now), endpoints.take(now)], [Some(0), Some(1)]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_believed_to_be_unwell_while_no_other_is_promising() {
    let now = Instant::now();
    let mut endpoints = Endpoints::new(2, now);
    endpoints.ask(now);
    assert!(!endpoints.is_unwell(0, now, &mut rng()));
    assert_eq!((endpoints.take(now), endpoints.take(now)), (Some(0), None), "a parcel finds out");
    assert!(!endpoints.is_unwell(1, now, &mut rng()), "the other one has proven nothing yet");
    assert_eq!(endpoints.take(now), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_silent_endpoint_comes_last_and_is_asked_and_rests_when_it_does_not_answer() {
    let mut now = Instant::now();
    let mut endpoints = working(2, now);
    assert_eq!([endpoints.take(now), endpoints.take(now)], [Some(0), Some(1)]);
    now += ENDPOINT_SILENCE / 2;
    endpoints.returned(1, now);
    assert_eq!([endpoints.take(now), endpoints.take(now)], [Some(1), Some(0)]);
    assert_eq!(endpoints.ask(now), [] as [usize; 0]);
    now = endpoints.next_care(now).expect("silence is noticed");
    assert_eq!(endpoints.next_care(now), Some(now + ENDPOINT_SILENCE / 2), "what is due now is done now");
    endpoints.returned(1, now);
    assert_eq!([endpoints.take(now), endpoints.take(now)], [Some(1); 2], "although it has more under way");
    assert_eq!(endpoints.ask(now), [0]);
    assert!(endpoints.is_unwell(0, now, &mut rng()));
    endpoints.returned(0, now);
    endpoints.returned(0, now);
    assert_eq!(endpoints.take(now), Some(1), "it rests");
}

#[tokio::test(start_paused = true)]
async fn a_silent_endpoint_that_says_it_is_well_or_answers_meanwhile_goes_on() {
    for answers_parcel in [true, false] {
        let mut now = Instant::now();
        let mut endpoints = working(2, now);
        assert_eq!([(); 4].map(|()| endpoints.take(now)), [Some(0), Some(1), Some(0), Some(1)]);
        now += ENDPOINT_SILENCE;
        endpoints.returned(1, now);
        assert_eq!(endpoints.ask(now), [0]);
        if answers_parcel {
            endpoints.returned(0, now);
            endpoints.succeeded(0);
            assert!(!endpoints.is_unwell(0, now, &mut rng()));
        } else {
            endpoints.is_well(0, now);
        }
        assert_eq!((endpoints.ask(now), endpoints.all[0].standing), (vec![], Standing::Working));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_being_silent_when_all_are() {
    let mut now = Instant::now();
    let mut endpoints = working(3, now);
    (0..3).for_each(|_| assert!(endpoints.take(now).is_some()));
    now += ENDPOINT_SILENCE;
    let asked = endpoints.ask(now);
    asked.iter().for_each(|endpoint| assert!(!endpoints.is_unwell(*endpoint, now, &mut rng()), "{endpoint}"));
    assert!((0..3).all(|_| endpoints.take(now).is_some()), "all are slow, and go on");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_silent_is_not_asked_while_no_other_is_promising() {
    let now = Instant::now();
    for others in [0, 1] {
        let mut endpoints = working(1 + others, now);
        (1..=others).for_each(|other| endpoints.failed(other, Some(ENDPOINT_SILENCE * 2), now, &mut rng()));
        assert_eq!(endpoints.take(now), Some(0));
        assert_eq!(endpoints.ask(now + ENDPOINT_SILENCE), [] as [usize; 0], "{others} others");
    }
}

#[tokio::test(start_paused = true)]
async fn a_parcel_on_trial_is_overdue_only_while_another_endpoint_is_promising() {
    let mut now = Instant::now();
    let mut endpoints = Endpoints::new(2, now);
    endpoints.ask(now);
    assert!(!endpoints.is_unwell(0, now, &mut rng()));
    assert_eq!(endpoints.take(now), Some(0));
    now += TRIAL_PATIENCE;
    assert_eq!(endpoints.overdue(now), [] as [usize; 0]);
    endpoints.is_well(1, now);
    assert_eq!(endpoints.overdue(now), [0]);
    assert_eq!(endpoints.overdue(now - Duration::from_millis(1)), [] as [usize; 0]);
    endpoints.returned(0, now);
    assert_eq!(endpoints.overdue(now + TRIAL_PATIENCE), [] as [usize; 0], "nothing is under way any more");
}

#[tokio::test(start_paused = true)]
async fn the_back_off_grows_with_each_question_that_is_not_answered() {
    let mut now = Instant::now();
    let mut endpoints = working(2, now);
    let mut rng = rng();
    endpoints.failed(0, None, now, &mut rng);
    let began = now;
    for _ in 0..20 {
        now = endpoints.next_care(now).expect("backs off");
        assert_eq!(endpoints.ask(now), [0]);
        assert!(endpoints.is_unwell(0, now, &mut rng));
    }
    let mean = (now - began) / 20;
    assert!(mean > RETRY_CAP / 8 && mean < RETRY_CAP, "{mean:?}");
    endpoints.succeeded(0);
    assert_eq!(endpoints.all[0].backoff.failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_getting_full_gets_a_pause_and_then_one_parcel_at_a_time() {
    let mut now = Instant::now();
    let mut endpoints = working(2, now);
    endpoints.slow_down(0, Duration::from_millis(250), now);
    assert_eq!([endpoints.take(now), endpoints.take(now)], [Some(1); 2], "the other goes on");
    now = endpoints.next_available(now).expect("pauses");
    assert_eq!([endpoints.take(now), endpoints.take(now)], [Some(0), Some(1)], "one at a time");
    assert!(endpoints.another_works(1), "it is not a failure");
    endpoints.full_speed(0);
    assert_eq!([endpoints.take(now), endpoints.take(now)], [Some(0); 2]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_during_a_pause_is_a_failure() {
    let now = Instant::now();
    let mut endpoints = working(2, now);
    endpoints.slow_down(0, Duration::from_millis(250), now);
    endpoints.failed(0, None, now, &mut rng());
    assert_eq!((endpoints.all[0].standing, endpoints.all[0].backoff.failures()), (Standing::Resting, 1));
}

#[tokio::test(start_paused = true)]
async fn parcels_that_fail_together_lengthen_the_delay_once() {
    let now = Instant::now();
    let mut rng = rng();
    let mut endpoints = Endpoints::new(1, now);
    for _ in 0..16 {
        endpoints.failed(0, None, now, &mut rng);
    }
    assert_eq!(endpoints.all[0].backoff.failures(), 1);
}
