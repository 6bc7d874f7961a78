// The unit tests as modules that Node runs: `node --test dist-test`.
import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

export default defineConfig({
    build: {
        ssr: true,
        target: "node20",
        outDir: "dist-test",
        rolldownOptions: {
            input: readdirSync(import.meta.dirname)
                .filter(file => file.endsWith(".test.ts"))
                .map(file => `${import.meta.dirname}/${file}`),
        },
    },
});
