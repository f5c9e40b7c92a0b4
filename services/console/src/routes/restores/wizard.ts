/** What the wizard's steps share. */
import type { RestoreTarget } from '$lib/api';
import type { Form } from '$lib/form';

export interface Choices extends Record<string, unknown> {
  into: RestoreTarget;
  new_slug: string;
  new_name: string;
  typed: string;
  password: string;
  without_safety_backup: boolean;
}

export type WizardForm = Form<Choices>;
