//! Ten thousand generations in flight at once against a provider that takes two seconds: memory and completeness.

use copydesk_bench::engine::Place;
use copydesk_bench::figures;
use copydesk_bench::instant::{self, InProcess};
use copydesk_desk::DeskConfig;
use copydesk_desk::accept::Request;
use serde_json::json;
use std::time::{Duration, Instant};

const IN_FLIGHT: usize = 10_000;

pub async fn ten_thousand(place: &Place) -> Result<(), String> {
    let provider = InProcess::new(Duration::from_secs(2));
    let config = DeskConfig { max_concurrent: Some(IN_FLIGHT as u32), ..DeskConfig::default() };
    let desk = instant::desk(place.open().await?, provider.clone(), config).await?;
    let requests = (0..IN_FLIGHT).map(|number| {
        let desk = desk.clone();
        let mut request = Request::new("newsletter", instant::input(number));
        request.model = Some("inside/two-seconds".to_owned());
        request.user = Some(format!("user-{}", number % 100));
        tokio::spawn(async move { desk.accept(request).await.map_err(|error| error.to_string()) })
    });
    for request in requests.collect::<Vec<_>>() {
        request.await.map_err(|error| error.to_string())??;
    }
    let begun = Instant::now();
    desk.start_working().await.map_err(|error| error.to_string())?;
    let (mut most, mut rss) = (0, 0.0_f64);
    loop {
        most = most.max(desk.live().count());
        rss = rss.max(figures::rss_mib());
        let about = desk.store().describe().await.map_err(|error| error.to_string())?;
        if about.waiting + about.processing == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let facts = json!({
        "engine": place.engine.name(), "generations": IN_FLIGHT, "in_flight_most": most,
        "seconds": figures::millis(begun.elapsed()) / 1_000.0, "rss_mib_most": rss.round(),
    });
    figures::print("in_flight", "RSS < 400 MB", facts);
    desk.stop(Duration::ZERO).await.map_err(|error| error.to_string())?;
    Ok(())
}
