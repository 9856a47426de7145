/** Callboard's browser client. Types of every message of a project room. */

export type RunStatus =
  | 'queued' | 'starting' | 'running' | 'waiting' | 'pausing' | 'paused' | 'cancelling'
  | 'completed' | 'partial' | 'failed' | 'cancelled' | 'timed_out';
export type AgentStatus = 'started' | 'progress' | 'completed' | 'failed' | 'skipped' | 'reused';
export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

/** What every message of the log carries. */
export interface Logged {
  /** Number in the room, from 1 without holes. */
  seq: number;
  /** Opaque; give it back to go on from here. */
  position: string;
  /** RFC 3339, UTC. */
  timestamp: string;
  project_id: string;
  run_id?: string | null;
}

export interface Eta { low_ms: number; high_ms: number }
export interface RunError { agent: string | null; message: string; file?: string; line?: number }
export interface Evidence { processes_ended: number; processes_left: number; took_ms: number }

export interface StatusUpdateBody { status: RunStatus; progress: number; message: string; eta: Eta | null }
export interface AgentUpdateBody {
  agent: string; title: string; index: number; total: number; status: AgentStatus;
  message: string; progress: number; duration_ms: number | null;
}
export interface ArtifactBody {
  path: string; media_type: string; size: number; sha256: string; url: string; agent: string | null;
}
export interface CompletionBody {
  status: RunStatus; success: boolean; message: string; duration_ms: number; artifacts: number;
  download_url: string | null; error: RunError | null; evidence: Evidence | null;
}
export interface LogLine { n: number; at: string; text: string }

export interface StatusUpdate extends Logged, StatusUpdateBody { type: 'status_update' }
export interface AgentUpdate extends Logged, AgentUpdateBody { type: 'agent_update' }
export interface Artifact extends Logged, ArtifactBody { type: 'artifact' }
export interface Completion extends Logged, CompletionBody { type: 'completion' }
export interface Log extends Logged {
  type: 'log'; level: LogLevel; agent: string | null; lines: LogLine[];
  /** Lines before these that are not in this message but can be fetched. */
  skipped?: { from: number; to: number };
}
export interface CustomEvent extends Logged { type: 'event'; name: string; data: unknown }

export interface ConnectionMessage {
  type: 'connection'; status: 'connected'; client_id: string; project_id: string; message: string;
  seq: number; position: string; epoch: string; resumed: boolean;
  gap: { from_seq: number; to_seq: number } | null;
  /** Absent when resumed. */
  state?: RoomState;
  heartbeat_ms: number;
}
export interface Preview { type: 'preview'; agent: string; step: number; of: number; url: string }
export interface Presence { type: 'presence'; viewers: number }
/** An administrator says something to everybody. */
export interface Broadcast { type: 'broadcast'; timestamp: string; message: string | Record<string, unknown> }
export interface Pong { type: 'pong'; timestamp: string }
export interface ErrorMessage { type: 'error'; code: string; message: string }
export interface Shutdown { type: 'shutdown'; reconnect_in_ms: number }

export type Message =
  | StatusUpdate | AgentUpdate | Log | Artifact | Completion | CustomEvent
  | ConnectionMessage | Preview | Presence | Pong | ErrorMessage | Shutdown | Broadcast;
export type MessageOf<Type extends Message['type']> = Extract<Message, { type: Type }>;

export interface RoomState {
  /** Null before the first run. */
  status: RunStatus | null;
  progress: number;
  message: string;
  eta: Eta | null;
  /** When the expected time was said; there only with it. */
  eta_at?: string;
  run: {
    id: string; queued_at: string; started_at: string | null; ended_at: string | null;
    /** Since when it is paused or waits for a person, and how long its clock stood before that. */
    halted_at?: string; halted_ms?: number;
  } | null;
  agents: AgentUpdateBody[];
  log: { total: number; tail: (LogLine & { level: LogLevel; agent: string | null })[] };
  artifacts: ArtifactBody[];
  artifacts_total: number;
  completion: CompletionBody | null;
}

export type ConnectionStatus = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'offline' | 'stopped';
export interface ConnectionDetail {
  status: ConnectionStatus;
  /** When the next try will be made, in the time of `Date.now()`. */
  retryAt: number | null;
  /** Tries since the last good connection. */
  failures: number;
}
/** `bad_frame`, `hole`, `refused` (with the close code), or what the server said. */
export interface Failure { code: string; message: string; close_code?: number }
export interface From { state?: RoomState; position?: string }

export type Command =
  | { type: 'ping' }
  | { type: 'auth'; token: string }
  | { type: 'ack'; position: string }
  | { type: 'get_state' }
  | { type: 'cancel'; run_id: string };

/** The applied state of the followed project; null before the first answer. */
export let state: RoomState | null;

export function connect(
  projectId: string,
  onMessage?: (message: Message) => void,
  onError?: (error: Failure) => void,
  onConnectionChange?: (connected: boolean, detail: ConnectionDetail) => void,
  from?: From,
): Connection;
export function disconnect(): void;
export function on<Type extends Message['type']>(type: Type, callback: (message: MessageOf<Type>) => void): void;
export function on(type: '*', callback: (message: Message) => void): void;
export function off(type: Message['type'] | '*', callback: (message: never) => void): void;
/** Whether it was handed to an open connection. */
export function send(data: Command | string): boolean;
export function isConnected(): boolean;

/** One followed project; make several to follow several. */
export class Connection {
  constructor(projectId: string, from?: From);
  readonly projectId: string;
  readonly state: RoomState | null;
  readonly position: string | null;
  readonly status: ConnectionStatus;
  readonly retryAt: number | null;
  readonly failures: number;
  connect(): this;
  disconnect(): void;
  retryNow(): void;
  send(data: Command | string): boolean;
  isConnected(): boolean;
  on<Type extends Message['type']>(type: Type, callback: (message: MessageOf<Type>) => void): this;
  on(type: '*', callback: (message: Message) => void): this;
  on(type: 'status', callback: (status: ConnectionStatus) => void): this;
  on(type: 'failure', callback: (failure: Failure) => void): this;
  off(type: string, callback: (value: never) => void): this;
}

/** The channels of the whole server. */
export type ChannelName = 'jobs' | 'photos' | 'sessions' | 'system' | 'queue' | 'approval' | 'export';
export type ClientType = 'gui' | 'mobile' | 'lightroom' | 'unknown';

/** What every event of a channel carries; what else there is depends on its type. */
export interface ChannelEvent {
  type: string;
  timestamp: string;
  channel: ChannelName;
  /** Opaque; give it back to go on from here. */
  position: string;
  job_id?: string;
  project_id?: string;
  [member: string]: unknown;
}
export interface Subscribed {
  type: 'subscribed'; channels: ChannelName[]; position: string;
  /** Whether nothing was missed since the position that was given. */
  resumed: boolean;
  /** Between these positions something was lost for good. */
  gap: { from: string; to: string } | null;
}
export interface ChannelOptions { clientType?: ClientType; clientName?: string; position?: string }

export class Channels {
  constructor(channels: ChannelName[], options?: ChannelOptions);
  readonly position: string | null;
  readonly status: ConnectionStatus;
  readonly retryAt: number | null;
  readonly failures: number;
  connect(): this;
  disconnect(): void;
  retryNow(): void;
  isConnected(): boolean;
  /** Hears of these channels too, from now on. */
  subscribe(...channels: ChannelName[]): this;
  unsubscribe(...channels: ChannelName[]): this;
  on(type: 'subscribed', callback: (message: Subscribed) => void): this;
  on(type: 'status', callback: (status: ConnectionStatus) => void): this;
  on(type: 'failure', callback: (failure: Failure) => void): this;
  on(type: string, callback: (event: ChannelEvent) => void): this;
  off(type: string, callback: (value: never) => void): this;
}
