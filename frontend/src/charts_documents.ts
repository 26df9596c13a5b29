// What the charts read of the API's answers: a part of the documents of `docs/api.md`.

/** One step of a container's or a host's samples, or one observation of a host's health. */
export interface Point {
  time: string;
  container_id?: string;
  samples?: number;
  cpus?: number;
  cpu_percent?: number | null;
  cpu_percent_min?: number | null;
  cpu_percent_max?: number | null;
  load_1?: number | null;
  load_1_max?: number | null;
  memory_used?: number | null;
  memory_used_min?: number | null;
  memory_used_max?: number | null;
  memory_limit?: number | null;
  memory_total?: number;
  swap_used_max?: number | null;
  disk_total?: number | null;
  disk_used_max?: number | null;
  network_rx?: number | null;
  network_tx?: number | null;
  block_read?: number | null;
  block_write?: number | null;
  pids?: number | null;
  status?: string;
  response_ms?: number | null;
  error?: string | null;
}

/** `.../stats/history`, or `.../health/history`, which has no steps. */
export interface Answer {
  points: Point[];
  step_seconds?: number;
  resolution?: string;
}

/** One event of `.../events`. */
export interface EngineEvent {
  time: string;
  time_nano: number;
  action: string;
  actor_id: string;
  exit_code?: number | null;
}
