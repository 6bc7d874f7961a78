import { defineConfig } from "vite";
import { embed } from "./embed.ts";

// The page may stand below any path of a proxy, so nothing in it is absolute. `npm run dev` works against the sidecar
// that AYB_JOBS_URL names.
export default defineConfig({
    base: "./",
    build: {
        target: "es2022",
        cssTarget: ["chrome123", "firefox121", "safari17.5"],
        assetsInlineLimit: 0,
        cssCodeSplit: false,
        modulePreload: false,
        reportCompressedSize: false,
    },
    server: { proxy: { "/api": process.env.AYB_JOBS_URL ?? "http://127.0.0.1:8090" } },
    plugins: [embed(process.env.AYB_PAGE)],
});
