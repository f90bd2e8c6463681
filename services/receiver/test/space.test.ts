import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SpaceReserve } from '../src/space.js';

interface Disk {
  free: number;
  files: number;
  looks: number;
  freeBytes(): Promise<number>;
  freeFiles(): Promise<number>;
}

function disk(free: number): Disk {
  return {
    free,
    files: Number.POSITIVE_INFINITY,
    looks: 0,
    async freeBytes() {
      this.looks += 1;
      return this.free;
    },
    async freeFiles() {
      return this.files;
    },
  };
}

describe('SpaceReserve', () => {
  it('lets work go on above the reserve, and asks the disk only now and then', async () => {
    const volume = disk(1000);
    const space = new SpaceReserve(volume, 100);
    for (let i = 0; i < 8; i++) await space.take(100);
    assert.equal(volume.looks, 1);
  });

  it('counts what was taken since it asked', async () => {
    const volume = disk(1000);
    const space = new SpaceReserve(volume, 100);
    await space.take(800);
    volume.free = 200;
    await assert.rejects(space.take(101), { code: 'space-low' });
  });

  it('asks again before it refuses', async () => {
    const volume = disk(150);
    const space = new SpaceReserve(volume, 100);
    await assert.rejects(space.take(51), { code: 'space-low' });
    volume.free = 1000;
    await space.take(51);
  });

  it('wants more space to begin again than what made it stop', async () => {
    const volume = disk(120);
    const space = new SpaceReserve(volume, 100);
    await space.take(10);
    await space.check(0, false);
    await assert.rejects(space.check(0, true), { code: 'space-low' });
    volume.free = 150;
    await space.check(0, true);
    await assert.rejects(space.check(1, true), { code: 'space-low' });
  });

  it('keeps inodes free too, unless nothing is to be kept free', async () => {
    const volume = disk(1000);
    volume.files = 1009;
    await assert.rejects(new SpaceReserve(volume, 100).take(1), { code: 'space-low' });
    volume.files = 1010;
    const space = new SpaceReserve(volume, 100);
    await space.take(1);
    volume.files = 1000;
    await assert.rejects(space.take(1), { code: 'space-low' });
    await new SpaceReserve(volume, 0).take(1);
  });
});
