use super::*;
use crate::domain::pipeline::{AgentDefinition, ExecutorKind, GateDefinition};
use crate::pipelines;
use crate::pipelines::describe::graph;
use crate::pipelines::setup::ExecutorSpec;

fn builtin(name: &str) -> Option<Pipeline> {
    pipelines::find(name).cloned()
}

fn definition(name: &str, agents: Vec<AgentDefinition>) -> PipelineDefinition {
    PipelineDefinition {
        name: name.to_owned(),
        folder: "/etc/callboard".to_owned(),
        agents,
        ..Default::default()
    }
}

fn agent(name: &str) -> AgentDefinition {
    AgentDefinition { name: Some(name.to_owned()), ..Default::default() }
}

fn command(name: &str, command: &[&str]) -> AgentDefinition {
    let command = command.iter().map(|part| (*part).to_owned()).collect();
    AgentDefinition { command: Some(command), ..agent(name) }
}

#[test]
fn one_word_puts_every_agent_that_can_on_a_model() {
    let mut app = definition("app", Vec::new());
    app.executor = Some(ExecutorKind::Openai);
    app.defaults.model = Some("m".to_owned());
    let pipelines = Pipelines::new(builtin, &[app]).unwrap();
    let pipeline = pipelines.find("app").unwrap();
    let who: Vec<&str> = pipeline.agents.iter().map(|agent| agent.setup.executor.name()).collect();
    assert_eq!(who.iter().filter(|name| **name == "openai").count(), 10);
    assert_eq!(&who[10..], ["builtin", "builtin"], "the verifier and the packager judge");
    assert!(pipelines.definition("app").is_some() && pipelines.definition("other").is_none());
}

#[test]
fn a_run_keeps_the_pipeline_it_was_begun_with() {
    let before = Pipelines::new(builtin, &[definition("x", vec![command("a", &["true"])])]).unwrap();
    let kept = before.definition("x").unwrap();
    let after = Pipelines::new(builtin, &[]).unwrap();
    assert!(after.find("x").is_none());
    let of_run = after.of_run("x", Some(&kept)).unwrap();
    assert_eq!((of_run.name, of_run.agents[0].name), ("x", "a"));
    let again = after.of_run("x", Some(&kept)).unwrap();
    assert!(std::ptr::eq(of_run.agents, again.agents), "built once");
    assert!(after.of_run("app", None).is_some());
}

#[test]
fn programs_are_found_from_the_folder_of_the_configuration() {
    let definition =
        definition("x", vec![command("a", &["./run.sh", "{folder}/in"]), command("b", &["ffmpeg"])]);
    let pipeline = Pipelines::new(builtin, &[definition]).unwrap().find("x").unwrap();
    let ExecutorSpec::Command(spec) = pipeline.agents[0].setup.executor else { panic!("{pipeline:?}") };
    assert_eq!(spec.command, ["/etc/callboard/./run.sh", "/etc/callboard/in"]);
    let ExecutorSpec::Command(spec) = pipeline.agents[1].setup.executor else { panic!("{pipeline:?}") };
    assert_eq!(spec.command, ["ffmpeg"]);
    assert!(graph(&pipeline).contains("2. b  command  ffmpeg  (after all above)"), "{}", graph(&pipeline));
}

#[test]
fn what_does_not_fit_together_is_told() {
    let needs = |name: &str, needs: &str| AgentDefinition {
        needs: Some(vec![needs.to_owned()]),
        ..command(name, &["true"])
    };
    for (agents, expected) in [
        (vec![], "has no agents"),
        (vec![agent("a")], "says neither who carries it out"),
        (vec![command("a", &["true"]), command("a", &["true"])], "stands more than once"),
        (vec![needs("a", "b")], "needs b, which is none"),
        (vec![needs("a", "b"), needs("b", "a")], "in a circle: a, b"),
        (vec![AgentDefinition { when: Some("a >".to_owned()), ..command("a", &["true"]) }], "when: "),
        (
            vec![AgentDefinition { url: Some("ftp://x".to_owned()), ..agent("a") }],
            "url = \"ftp://x\" is not allowed",
        ),
        (vec![AgentDefinition { prompt_text: Some("x".to_owned()), ..agent("a") }], "needs model"),
        (
            vec![AgentDefinition { function: Some("app/none".to_owned()), ..agent("a") }],
            "function app/none is none",
        ),
        (vec![AgentDefinition { grace_ms: Some(9_000), ..command("a", &["true"]) }], "grace_ms = 9000"),
        (
            vec![AgentDefinition { outputs: Some(vec!["../x".to_owned()]), ..command("a", &["true"]) }],
            "outputs: ../x",
        ),
        (
            vec![AgentDefinition {
                gate: GateDefinition { question: None, timeout_ms: Some(1) },
                ..command("a", &["true"])
            }],
            "gate needs a question",
        ),
    ] {
        let problems = Pipelines::new(builtin, &[definition("x", agents)]).err().unwrap();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
    }
}

#[test]
fn one_word_gives_the_pictures_to_somebody_else() {
    let image = |kind, model: Option<&str>| {
        let mut image = definition("image", Vec::new());
        image.executor = Some(kind);
        image.defaults.model = model.map(str::to_owned);
        Pipelines::new(builtin, &[image]).map(|pipelines| graph(&pipelines.find("image").unwrap()))
    };
    for (kind, model, expected) in [
        (ExecutorKind::Automatic1111, None, "renderer   automatic1111 http://127.0.0.1:7860"),
        (ExecutorKind::Comfyui, Some("m"), "renderer   comfyui  m at http://127.0.0.1:8188"),
        (ExecutorKind::Openai, Some("m"), "renderer   openai   m at https://api.openai.com/v1"),
    ] {
        let text = image(kind, model).unwrap();
        assert!(text.contains(expected) && text.contains("4 agents"), "{text}");
    }
    let problems = image(ExecutorKind::Comfyui, None).unwrap_err();
    assert!(problems[0].contains("needs model"), "{problems:?}");
    let problems = image(ExecutorKind::Command, None).unwrap_err();
    assert!(problems[0].contains("needs command"), "{problems:?}");
    assert!(image(ExecutorKind::Builtin, None).unwrap().contains("7 agents"));
    let elsewhere = AgentDefinition { executor: Some(ExecutorKind::Comfyui), ..agent("a") };
    let problems = Pipelines::new(builtin, &[definition("x", vec![elsewhere])]).err().unwrap();
    assert!(problems[0].contains("makes pictures"), "{problems:?}");
}
