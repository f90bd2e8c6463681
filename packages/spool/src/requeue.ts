/** Out of quarantine, back to where the file came from. */
import { promises as fs, type Stats } from 'node:fs';
import path from 'node:path';
import { CLAIMS } from './claims-directory.js';
import { makeDirectory, makeOwnDirectory, syncDirectory } from './durable.js';
import { SpoolError } from './errors.js';
import { failedWith, guarded, whoAndWhere } from './faults.js';
import { inodeOf, moveFile } from './moves.js';
import { checkFileName, decodeName, fileIn, splitElementName } from './names.js';
import { NormalReader } from './normal-reader.js';
import type { OutgoingOptions } from './options.js';
import { claimedPath, deliveryIdOf, isSendableName } from './plain-layout.js';
import { QUARANTINE } from './quarantine.js';

/** Bytes of a name. */
const MAXIMUM_NAME = 4096;

export type RequeueOptions = Pick<OutgoingOptions, 'path' | 'layout' | 'quarantinePath' | 'modes'>;

/**
 * Puts a quarantined file back under its name, durably, then removes the element. Never replaces a file. A crash in between is finished by the
 * next call; where the file was moved, and not linked, the element is left without it (element-corrupt), to be purged. Resolves to the name.
 * SpoolError: claim-lost (gone, or somebody has it), name-taken, not-regular, element-corrupt, name-invalid, permission-denied, path-missing,
 * io-error.
 */
export async function requeue(options: RequeueOptions, element: string): Promise<string> {
  const quarantine = options.quarantinePath ?? path.join(options.path, QUARANTINE);
  const reader = new NormalReader({ path: quarantine });
  if (!(await reader.lockOrTakeOver(element)))
    throw new SpoolError('claim-lost', `${quarantine}/${element} is gone, or somebody else has it`, { path: quarantine });
  let back = false;
  try {
    const name = await nameOf(reader, element);
    await guarded('put a file back', options.path, () => linkBack(options, `${quarantine}/${element}/body`, name));
    back = true;
    return name;
  } finally {
    if (back) await reader.remove(element);
    else await reader.unlock(element);
  }
}

async function nameOf(reader: NormalReader, element: string): Promise<string> {
  const bytes = await reader.peek(element, 'name', MAXIMUM_NAME);
  if (bytes === undefined)
    throw new SpoolError('element-corrupt', `${reader.path}/${element} does not say its name`, { path: reader.path });
  return decodeName(Buffer.from(bytes).toString('latin1'));
}

async function linkBack({ path: root, layout, modes = {} }: RequeueOptions, body: string, name: string): Promise<void> {
  const directory = layout === 'dirq' ? `${root}/${splitElementName(name).directory}` : root;
  if (layout === 'directory') checkFileName(name);
  const status = await statOf(body);
  if (!status.isFile()) throw new SpoolError('not-regular', `${body} is not a regular file, and was never opened`, { path: body });
  if (layout === 'dirq' && (await makeDirectory(directory, modes))) await syncDirectory(root);
  const target = fileIn(root, name);
  try {
    await fs.link(body, target);
  } catch (cause) {
    if (failedWith(cause, 'EPERM', 'ENOTSUP')) return await putBackUnlinked({ path: root, layout, modes }, body, name, cause);
    // The call before may have come so far.
    if (!failedWith(cause, 'EEXIST')) throw cause;
    if ((await inodeOf(target)) !== (await inodeOf(body)))
      throw new SpoolError('name-taken', `${root} has a file named ${JSON.stringify(name)} already`, { cause, path: root });
  }
  await syncDirectory(directory);
}

async function statOf(body: string): Promise<Stats> {
  try {
    return await fs.lstat(body);
  } catch (cause) {
    if (!failedWith(cause, 'ENOENT')) throw cause;
    throw new SpoolError('element-corrupt', `${body} is gone: it was given back before, or somebody took it; purge the element`, {
      cause,
      path: body,
    });
  }
}

/** Another user's file, or any where there are no hard links. One of a plain directory is given back as a sender does it. */
async function putBackUnlinked(
  { path: root, layout, modes = {} }: RequeueOptions,
  body: string,
  name: string,
  cause: unknown,
): Promise<void> {
  if (layout === 'dirq' || !isSendableName(name))
    throw new SpoolError('permission-denied', `${body} may not be linked (${await whoAndWhere(body)})`, { cause, path: body });
  const id = deliveryIdOf(name, await fs.lstat(body, { bigint: true }));
  const claims = path.join(root, CLAIMS);
  if (await makeOwnDirectory(claims, modes)) await syncDirectory(root);
  await moveFile(body, claimedPath(root, { token: undefined, id, name }));
  await syncDirectory(claims);
}
