/**
 * What became of the brief: each requirement with its sentence, its criteria and the tests that ran for them. Read from
 * the files `requirements.json`, `brief.json` and `report.json`; any of them may not be there yet.
 */

/**
 * @returns {{ requirements: object[], notCovered: object[], covered: number, sentences: number, tests: object | null,
 *   mutation: object | null }}
 */
export function readResult(requirements, brief, report) {
  const sentences = new Map((brief?.sentences ?? []).map(({ id, text }) => [id, text]));
  const results = testsOf(report);
  return {
    requirements: requirements.requirements.map((requirement) => {
      const criteria = requirement.criteria.map((criterion) => ({ ...criterion, ...verdictOf(criterion.id, results) }));
      return {
        id: requirement.id,
        text: requirement.text,
        sentence: requirement.sentence === null ? null : sentences.get(requirement.sentence) ?? requirement.sentence,
        criteria,
        passed: criteria.filter(({ verdict }) => verdict === 'passed').length,
        failed: criteria.filter(({ verdict }) => verdict === 'failed').length,
      };
    }),
    notCovered: requirements.not_covered,
    covered: requirements.sentences_covered,
    sentences: requirements.sentences_total,
    tests: results === null ? null : { total: results.length, passed: results.filter(({ passed }) => passed).length },
    mutation: mutationOf(report),
  };
}

/** Exactly one test has the id of the criterion at the start of its name; suites may stand before it. */
function verdictOf(id, results) {
  const found = results?.find(({ name }) => name.split(' > ').some((part) => part === id || part.startsWith(`${id} `)));
  if (!found) return { verdict: 'open', message: null };
  // A test that was skipped proves nothing, and says so.
  if (found.note) return { verdict: 'open', message: found.note };
  return { verdict: found.passed ? 'passed' : 'failed', message: null };
}

function testsOf(report) {
  return Array.isArray(report?.tests) ? report.tests : null;
}

function mutationOf(report) {
  const mutation = report?.mutation;
  if (!mutation || typeof mutation.score !== 'number') return null;
  return { score: mutation.score, killed: mutation.killed, total: mutation.total, survivors: mutation.survivors ?? [] };
}
