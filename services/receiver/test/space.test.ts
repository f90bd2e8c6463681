import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SpaceReserve } from '../src/space.js';

function disk(free: number): { free: number; looks: number; freeBytes(): Promise<number> } {
  return {
    free,
    looks: 0,
    async freeBytes() {
      this.looks += 1;
      return this.free;
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
    await assert.rejects(space.recovered(0), { code: 'space-low' });
    volume.free = 150;
    await space.recovered(0);
    await assert.rejects(space.recovered(1), { code: 'space-low' });
  });
});
