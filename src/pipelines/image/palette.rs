//! Agent 3: the light: hour, weather and mood words become sun, sky and the way the picture is developed.

use crate::domain::event::LogLevel;
use crate::pipelines::image::reader::{Prompt, Setting};
use crate::pipelines::image::render::math::{Vec3, turn, vec3};
use crate::pipelines::image::render::random::Stream;
use crate::pipelines::image::scene::Light;
use crate::pipelines::image::vocabulary::{COLOURS, MOODS, SKIES, SkyWord, WEATHERS, Weather, find};
use crate::pipelines::{AgentError, AgentHost, AgentInputs, AgentOutput, OutputFile};

/// The agent.
///
/// # Errors
/// When the prompt was not read before.
pub fn run(inputs: &AgentInputs, host: &dyn AgentHost) -> Result<AgentOutput, AgentError> {
    host.check()?;
    let prompt: Prompt = inputs.files.json("prompt.json")?;
    let light = light(&prompt.setting, inputs.seed());
    let (height, horizon) = (light.sun.y.asin().to_degrees(), light.horizon);
    let place = if height < 0.0 { "below" } else { "above" };
    host.log(
        LogLevel::Debug,
        &format!(
            "the sun {:.0}° {place} the horizon, which is red {:.2}, green {:.2}, blue {:.2}",
            height.abs(),
            horizon.x,
            horizon.y,
            horizon.z
        ),
    );
    let summary = format!(
        "{}, exposure {:+.1}, warmth {:+.1}",
        prompt.setting.sky.as_deref().unwrap_or("afternoon"),
        light.exposure,
        light.warmth
    );
    let json = serde_json::to_string_pretty(&light).map_err(|error| AgentError::failed(error.to_string()))?;
    Ok(AgentOutput { files: vec![OutputFile::text("light.json", json + "\n")], summary })
}

/// The light of a setting.
pub fn light(setting: &Setting, seed: u64) -> Light {
    let mut chance = Stream::new(seed, 1, 0);
    let word = setting.sky.as_deref().and_then(|word| find(SKIES, word)).unwrap_or(SkyWord::Afternoon);
    let mut light = hour(word, &mut chance);
    for weather in setting.weathers.iter().filter_map(|word| find(WEATHERS, word)) {
        weathered(&mut light, weather);
    }
    for mood in setting.moods.iter().filter_map(|word| find(MOODS, word)) {
        light.warmth += mood.warmth;
        light.contrast *= mood.contrast;
        light.saturation *= mood.saturation;
        light.exposure += mood.exposure;
    }
    if let Some(word) = setting.sky_colour.as_deref() {
        match find(COLOURS, word) {
            Some(colour) => {
                light.horizon = light
                    .horizon
                    .mix(colour * (light.horizon.luminance() / colour.luminance().max(0.03)), 0.6);
                light.zenith = light
                    .zenith
                    .mix(colour * (light.zenith.luminance() / colour.luminance().max(0.03)), 0.45);
            }
            // `golden light`
            None => light.warmth += 0.6,
        }
    }
    light.warmth = light.warmth.clamp(-1.2, 1.2);
    light.exposure = light.exposure.clamp(-2.0, 2.0);
    light.contrast = light.contrast.clamp(0.6, 1.7);
    light.saturation = light.saturation.clamp(0.0, 1.7);
    light
}

/// The sun at a height above the horizon, somewhere behind the viewer's shoulder or, when low, over the scene.
fn sun(height_deg: f32, side_deg: f32) -> Vec3 {
    let (cos, sin) = turn(height_deg);
    vec3(0.0, sin, cos).turned(turn(side_deg))
}

fn hour(word: SkyWord, chance: &mut Stream) -> Light {
    let side = if chance.share() < 0.5 { 1.0 } else { -1.0 };
    let base = Light {
        zenith: vec3(0.14, 0.31, 0.74),
        horizon: vec3(0.66, 0.79, 0.94),
        sun: sun(48.0, side * 42.0),
        sunlight: vec3(2.7, 2.45, 2.1),
        sun_size_deg: 1.2,
        disc: true,
        clouds: 0.35,
        stars: false,
        mist: 0.0,
        studio: false,
        exposure: -0.1,
        contrast: 1.04,
        saturation: 1.05,
        warmth: 0.0,
    };
    match word {
        SkyWord::Noon => Light { sun: sun(66.0, side * 30.0), sunlight: vec3(2.9, 2.75, 2.5), ..base },
        SkyWord::Afternoon => base,
        SkyWord::Morning => Light {
            sun: sun(27.0, side * 62.0),
            sunlight: vec3(2.5, 2.05, 1.55),
            horizon: vec3(0.82, 0.82, 0.84),
            ..base
        },
        SkyWord::Sunrise => Light {
            sun: sun(6.5, side * 163.0),
            sunlight: vec3(2.1, 1.2, 0.66),
            zenith: vec3(0.12, 0.22, 0.46),
            horizon: vec3(0.86, 0.56, 0.44),
            sun_size_deg: 2.0,
            ..base
        },
        SkyWord::Sunset => Light {
            sun: sun(4.6, side * 164.0),
            sunlight: vec3(2.4, 1.0, 0.36),
            zenith: vec3(0.055, 0.085, 0.27),
            horizon: vec3(0.80, 0.34, 0.14),
            sun_size_deg: 2.2,
            clouds: 0.42,
            exposure: 0.1,
            warmth: 0.1,
            contrast: 1.1,
            ..base
        },
        SkyWord::Dusk => Light {
            sun: sun(2.5, side * 160.0),
            sunlight: vec3(0.65, 0.34, 0.30),
            zenith: vec3(0.035, 0.05, 0.16),
            horizon: vec3(0.42, 0.26, 0.34),
            sun_size_deg: 4.0,
            disc: false,
            stars: true,
            exposure: 0.7,
            ..base
        },
        SkyWord::Night => Light {
            sun: sun(8.5, side * 166.0),
            sunlight: vec3(0.17, 0.21, 0.31),
            zenith: vec3(0.009, 0.015, 0.045),
            horizon: vec3(0.034, 0.050, 0.105),
            sun_size_deg: 2.4,
            clouds: 0.18,
            stars: true,
            exposure: 1.0,
            contrast: 1.08,
            ..base
        },
        SkyWord::Studio => Light {
            zenith: vec3(1.05, 1.05, 1.07),
            horizon: vec3(0.42, 0.43, 0.45),
            sun: sun(52.0, side * 48.0),
            sunlight: vec3(1.5, 1.45, 1.4),
            sun_size_deg: 9.0,
            disc: false,
            clouds: 0.0,
            studio: true,
            ..base
        },
    }
}

fn weathered(light: &mut Light, weather: Weather) {
    let grey = |colour: Vec3, share: f32| colour.mix(Vec3::splat(colour.luminance()), share);
    match weather {
        Weather::Clear => light.clouds = 0.0,
        Weather::Cloudy => light.clouds = 0.65,
        Weather::Overcast => {
            light.clouds = 0.95;
            light.disc = false;
            light.sunlight = grey(light.sunlight, 0.7) * 0.22;
            light.sun_size_deg = 14.0;
            light.zenith = grey(light.zenith, 0.8).mix(light.horizon, 0.5);
            light.horizon = grey(light.horizon, 0.8);
            light.saturation *= 0.85;
            light.exposure += 0.25;
        }
        Weather::Stormy => {
            light.clouds = 1.0;
            light.disc = false;
            light.sunlight = grey(light.sunlight, 0.6) * 0.3;
            light.zenith = grey(light.zenith, 0.7) * 0.35;
            light.horizon = grey(light.horizon, 0.6) * 0.55;
            light.contrast *= 1.2;
        }
        Weather::Foggy => {
            light.mist = 0.055;
            light.disc = false;
            light.sunlight = light.sunlight * 0.45;
            light.sun_size_deg = 8.0;
            light.horizon = grey(light.horizon, 0.45);
        }
        Weather::Misty => {
            light.mist = light.mist.max(0.015);
            light.exposure -= 0.45;
            light.contrast *= 1.12;
            light.horizon = grey(light.horizon, 0.25);
            light.sunlight = light.sunlight * 0.85;
        }
        Weather::Starry => light.stars = true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::image::reader::read;

    fn of(text: &str) -> Light {
        light(&read(text).setting, 1)
    }

    #[test]
    fn words_change_the_light() {
        let day = of("a ball");
        assert!(of("a ball at night").sunlight.luminance() < day.sunlight.luminance() * 0.2);
        assert!(of("a ball at sunset").horizon.x > of("a ball at sunset").horizon.z * 2.0);
        assert!(of("a ball, foggy").mist > 0.03);
        assert_eq!(of("a ball, monochrome").saturation, 0.0);
        assert!(of("a ball, warm cosy light").warmth > 0.9);
        assert!(of("a ball under a pink sky").horizon.x > day.horizon.x);
        assert!(of("a ball, starry night").stars);
        assert!(of("a ball at noon").sun.y > day.sun.unit().y);
    }
}
