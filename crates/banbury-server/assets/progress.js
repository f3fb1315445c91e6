// Shows a job's progress as the server tells it.

const job = document.getElementById("job");

if (job && !("done" in job.dataset)) {
  const events = new EventSource(job.dataset.events);
  let lines = job.querySelectorAll("[data-log] li").length;
  events.onmessage = ({ data }) => {
    const state = JSON.parse(data);
    job.querySelector("[data-word]").textContent = state.outcome;
    job.querySelector("[data-stage]").textContent = state.stage;
    for (const text of state.log.slice(lines)) {
      const line = document.createElement("li");
      line.textContent = text;
      job.querySelector("[data-log]").append(line);
    }
    lines = Math.max(lines, state.log.length);
    if (!["waiting", "running"].includes(state.outcome)) {
      events.close();
      location.reload();
    }
  };
}
